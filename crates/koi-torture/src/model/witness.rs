//! How each deed changes the world, and which answers the history does not allow.
//!
//! [`World::witness`] is told each deed and its definite answer once, in the order of each shopper's own
//! requests. It refuses a second live coupon, a quote paid twice, a deduction off by a fen, a refusal
//! without a reason.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::deed::{CAMPAIGN_CURRENCY, Deed, Scope, Shopper, cny, nzd};
use crate::failure::broken;
use crate::model::arithmetic::{Paid, Shares, cumulative_shares, fee, gross, rate_text};
use crate::model::coupon::{Coupon, Payment, Quote, QuoteState};
use crate::model::fields::Fields;
use crate::model::rules::{COUPON_VALID_MS, FUNDER, QUOTE_VALID_MS};
use crate::model::world::{Campaign, Pause, Stage, World};
use crate::moment::Moment;

impl World {
    /// Takes note of a definite answer to a deed that was decided at `at`.
    pub(crate) fn witness(&mut self, deed: &Deed, answer: &Answer, at: Moment) -> Result<()> {
        let story = || format!("{deed:?} at {at} was answered {}", answer.shown());
        let expected = self.refusal(deed, at);
        if !answer.is_done() {
            let code = answer.code();
            let held = answer.json().map(|problem| problem["coupon"].clone()).unwrap_or_default();
            // Whether the stock was empty at that instant is the business of those who know all claims.
            let by_stock = code == "sold_out" && expected.is_none() && matches!(deed, Deed::Claim { .. });
            if !by_stock && expected != Some(code.as_str()) {
                let promised = match expected {
                    Some(code) => format!("the refusal {code}"),
                    None => format!("it is done ({})", deed.done_status()),
                };
                return Err(broken(promised, story()));
            }
            return self.check_coupon_shown(&held, at).with_context(story);
        }
        if let Some(code) = expected {
            return Err(broken(format!("the refusal {code}"), story()));
        }
        if answer.status != deed.done_status() {
            return Err(broken(format!("the status {}", deed.done_status()), story()));
        }
        let body = answer.json()?;
        self.done(deed, &body, at).with_context(story)
    }

    /// A refusal that shows the coupon held shows one that exists, as it is.
    fn check_coupon_shown(&self, shown: &Value, at: Moment) -> Result<()> {
        if shown.is_null() {
            return Ok(());
        }
        let fields = Fields { what: "the coupon shown in the refusal", body: shown };
        let id = fields.text("id")?;
        let Some(coupon) = self.coupons.get(&id) else {
            return Err(broken("a refusal shows a coupon that was issued", format!("{id} was never issued")));
        };
        fields.must_be("face", &cny(coupon.face))?;
        match self.standing(coupon, at).status() {
            Some(status) => fields.must_be("status", &json!(status)),
            None => Ok(()),
        }
    }

    fn done(&mut self, deed: &Deed, body: &Value, at: Moment) -> Result<()> {
        match deed {
            Deed::CreateMerchant { .. } | Deed::CreateStore { .. } | Deed::CreateCode { .. } => {}
            Deed::RevokeCode { code } => drop(self.revoked_codes.insert(code.clone())),
            Deed::CreateCampaign { rules } => {
                let campaign = Campaign { rules: rules.clone(), funded: 0, stage: Stage::Draft, pause: None };
                self.campaigns.insert(rules.id.clone(), campaign);
            }
            Deed::Submit { campaign } => self.campaign_mut(campaign)?.stage = Stage::InReview,
            Deed::Approve { campaign } => self.campaign_mut(campaign)?.stage = Stage::Approved,
            Deed::Fund { campaign, amount } => self.campaign_mut(campaign)?.funded += amount,
            Deed::Pause { campaign, scope } => self.pause(campaign, *scope, at)?,
            Deed::Resume { campaign } => self.lift_pause(campaign, at)?,
            Deed::End { campaign } => {
                self.lift_pause(campaign, at)?;
                self.campaign_mut(campaign)?.stage = Stage::EndedEarly;
            }
            Deed::Close { campaign } => self.campaign_mut(campaign)?.stage = Stage::Closed,
            Deed::Claim { campaign, code, shopper } => self.claimed(campaign, code, shopper, body, at)?,
            Deed::VoidCoupon { coupon } => {
                self.coupons.get_mut(coupon).context("void of an unknown coupon")?.voided = true;
            }
            Deed::Quote { shopper, amount, .. } => self.quoted(shopper, *amount, body, at)?,
            Deed::CancelQuote { quote } => {
                Fields { what: "the quote", body }.must_be("status", &json!("cancelled"))?;
                self.quotes.get_mut(quote).context("cancel of an unknown quote")?.state = QuoteState::Cancelled;
            }
            Deed::Pay { quote } => self.paid(quote, body, at)?,
            Deed::CancelPayment { payment } => self.cancelled(payment, body)?,
            Deed::Refund { payment, amount } => self.refunded(payment, *amount, body)?,
        }
        Ok(())
    }

    fn claimed(&mut self, campaign: &str, code: &str, shopper: &Shopper, body: &Value, at: Moment) -> Result<()> {
        let coupon = Fields { what: "the coupon", body };
        let (face, split) = (coupon.money("face", CAMPAIGN_CURRENCY)?, coupon.truth("split")?);
        if self.campaign(campaign)?.rules.tier(face, split).is_none() {
            return Err(broken("a face of the campaign", body.to_string()));
        }
        coupon.must_be("campaign", &json!(campaign))?;
        coupon.must_be("account", &json!(shopper.account))?;
        coupon.must_be("person", &json!(shopper.person))?;
        coupon.must_be("code", &json!(code))?;
        coupon.must_be("remaining", &cny(face))?;
        coupon.must_be("status", &json!("active"))?;
        coupon.must_be_moment("collected_at", at)?;
        coupon.must_be_moment("expires_at", at.plus_ms(COUPON_VALID_MS))?;
        let id = coupon.text("id")?;
        let issued = Coupon {
            id: id.clone(),
            campaign: campaign.to_owned(),
            shopper: shopper.clone(),
            face,
            split,
            collected_at: at,
            expires_at: at.plus_ms(COUPON_VALID_MS),
            voided: false,
            spent: 0,
            quotes: Vec::new(),
        };
        if self.coupons.insert(id.clone(), issued).is_some() {
            return Err(broken("every coupon has an id of its own", format!("{id} was issued twice")));
        }
        self.of_person.entry(shopper.person.clone()).or_default().push(id);
        Ok(())
    }

    fn quoted(&mut self, shopper: &Shopper, amount: i64, body: &Value, at: Moment) -> Result<()> {
        let gross = gross(amount, self.rate_e8);
        let promised = self.promised_quote(shopper, gross, at);
        let quote = Fields { what: "the quote", body };
        quote.must_be("status", &json!("open"))?;
        quote.must_be("amount", &nzd(amount))?;
        quote.must_be("rate", &json!(rate_text(self.rate_e8)))?;
        quote.must_be("gross", &cny(gross))?;
        quote.must_be("deduction", &cny(promised.deduction))?;
        quote.must_be("payable", &cny(gross - promised.deduction))?;
        quote.must_be("coupon", &json!(promised.coupon))?;
        quote.must_be("no_deduction", &json!(promised.no_deduction))?;
        quote.must_be_moment("expires_at", at.plus_ms(QUOTE_VALID_MS))?;
        let id = quote.text("id")?;
        if let Some(coupon) = promised.coupon.as_ref().and_then(|coupon| self.coupons.get_mut(coupon)) {
            coupon.quotes.push(id.clone());
        }
        let made = Quote {
            shopper: shopper.clone(),
            amount,
            rate_e8: self.rate_e8,
            gross,
            deduction: promised.deduction,
            coupon: promised.coupon,
            expires_at: at.plus_ms(QUOTE_VALID_MS),
            state: QuoteState::Open,
        };
        if self.quotes.insert(id.clone(), made).is_some() {
            return Err(broken("every quote has an id of its own", format!("{id} was made twice")));
        }
        Ok(())
    }

    fn paid(&mut self, quote_id: &str, body: &Value, at: Moment) -> Result<()> {
        let quote = self.quotes.get_mut(quote_id).context("payment of an unknown quote")?;
        quote.state = QuoteState::Paid;
        let quote = quote.clone();
        let coupon = match &quote.coupon {
            Some(id) => Some(self.coupons.get_mut(id).context("quote with an unknown coupon")?),
            None => None,
        };
        let merchant_fee = fee(quote.amount, self.fee_bps);
        let payment = Fields { what: "the payment", body };
        payment.must_be("status", &json!("paid"))?;
        payment.must_be("quote", &json!(quote_id))?;
        payment.must_be("account", &json!(quote.shopper.account))?;
        payment.must_be("amount", &nzd(quote.amount))?;
        payment.must_be("rate", &json!(rate_text(quote.rate_e8)))?;
        payment.must_be("gross", &cny(quote.gross))?;
        payment.must_be("deduction", &cny(quote.deduction))?;
        payment.must_be("paid", &cny(quote.gross - quote.deduction))?;
        payment.must_be("coupon", &json!(quote.coupon))?;
        payment.must_be("merchant.gross", &nzd(quote.amount))?;
        payment.must_be("merchant.fee", &nzd(merchant_fee))?;
        payment.must_be("merchant.net", &nzd(quote.amount - merchant_fee))?;
        payment.must_be("refunded", &nzd(0))?;
        payment.must_be_moment("paid_at", at)?;
        let funded_by = match &coupon {
            Some(coupon) => {
                json!([{"funder": FUNDER, "campaign": coupon.campaign, "amount": cny(quote.deduction)}])
            }
            None => json!([]),
        };
        payment.must_be("funded_by", &funded_by)?;
        let id = payment.text("id")?;
        let campaign = coupon.as_ref().map(|coupon| coupon.campaign.clone());
        if let Some(coupon) = coupon {
            coupon.spent += quote.deduction;
        }
        let made = Payment {
            paid: Paid {
                amount: quote.amount,
                rate_e8: quote.rate_e8,
                gross: quote.gross,
                paid: quote.gross - quote.deduction,
            },
            deduction: quote.deduction,
            coupon: quote.coupon,
            campaign,
            paid_at: at,
            cancelled: false,
            refunded: 0,
            shares: Shares::default(),
        };
        if self.payments.insert(id.clone(), made).is_some() {
            return Err(broken("every payment has an id of its own", format!("{id} was made twice")));
        }
        Ok(())
    }

    fn cancelled(&mut self, payment_id: &str, body: &Value) -> Result<()> {
        Fields { what: "the payment", body }.must_be("status", &json!("cancelled"))?;
        let payment = self.payments.get_mut(payment_id).context("cancel of an unknown payment")?;
        payment.cancelled = true;
        if let Some(coupon) = payment.coupon.as_ref().and_then(|coupon| self.coupons.get_mut(coupon)) {
            coupon.spent -= payment.deduction;
        }
        Ok(())
    }

    fn refunded(&mut self, payment_id: &str, amount: i64, body: &Value) -> Result<()> {
        let payment = self.payments.get_mut(payment_id).context("refund of an unknown payment")?;
        let sum = cumulative_shares(payment.paid, payment.refunded + amount);
        let refund = Fields { what: "the refund", body };
        refund.must_be("payment", &json!(payment_id))?;
        refund.must_be("amount", &nzd(amount))?;
        refund.must_be("shopper", &cny(sum.shopper - payment.shares.shopper))?;
        refund.must_be("funder", &cny(sum.funder - payment.shares.funder))?;
        payment.refunded += amount;
        payment.shares = sum;
        Ok(())
    }

    fn pause(&mut self, campaign_id: &str, scope: Scope, at: Moment) -> Result<()> {
        let is_held = |coupon: &&Coupon| {
            coupon.campaign == campaign_id && coupon.expires_at > at && self.standing(coupon, at).is_live()
        };
        let held = match scope {
            Scope::All => self.coupons.values().filter(is_held).map(|coupon| coupon.id.clone()).collect(),
            Scope::Issuing => Vec::new(),
        };
        self.campaign_mut(campaign_id)?.pause = Some(Pause { scope, since: at, held });
        Ok(())
    }

    fn lift_pause(&mut self, campaign_id: &str, at: Moment) -> Result<()> {
        let Some(pause) = self.campaign_mut(campaign_id)?.pause.take() else { return Ok(()) };
        for id in &pause.held {
            if let Some(coupon) = self.coupons.get_mut(id) {
                coupon.expires_at = coupon.expires_at.plus_ms(at.minus(pause.since));
            }
        }
        Ok(())
    }
}
