//! The office: campaigns through their life, merchants, stores, codes and rates.

use crate::ask::{Amount, Ask, Document, Scope};
use crate::model::campaign::{Campaign, Stage};
use crate::model::coupon::Life;
use crate::model::{Code, Model};
use crate::seen::{CampaignShown, Reply, Seen};

/// A refusal by its code.
type No = &'static str;

impl Model {
    pub(super) fn office(&mut self, ask: &Ask, by: &'static str) -> Seen {
        match self.ordered(ask, by) {
            Ok(reply) => Seen::good(reply),
            Err(code) => Seen::refused(code),
        }
    }

    fn ordered(&mut self, ask: &Ask, by: &'static str) -> Result<Reply, No> {
        let entered = |name: &str| Ok(Reply::Entered(name.to_owned()));
        match ask {
            Ask::Draft(document) => self.draft(document),
            Ask::Submit(id) => self.submit(id, by),
            Ask::Approve(id) => self.approve(id, by),
            Ask::Fund(id, amount) => self.fund(id, *amount),
            Ask::Pause(id, scope) => self.pause(id, *scope),
            Ask::Resume(id) => self.resume(id),
            Ask::End(id) => self.end(id),
            Ask::Close(id) => self.close(id),
            Ask::AddMerchant(merchant) => {
                if self.merchants.contains_key(&merchant.id) {
                    return Err("already_exists");
                }
                self.merchants.insert(merchant.id.clone(), merchant.clone());
                entered(&merchant.id)
            }
            Ask::AddStore(store) => {
                if !self.merchants.contains_key(&store.merchant) {
                    return Err("not_found");
                }
                if self.stores.contains_key(&store.id) {
                    return Err("already_exists");
                }
                self.stores.insert(store.id.clone(), store.clone());
                entered(&store.id)
            }
            Ask::AddCode(store, text) => {
                if !self.stores.contains_key(store) {
                    return Err("not_found");
                }
                self.codes.insert(text.clone(), Code { store: store.clone(), revoked: false });
                entered(text)
            }
            Ask::RevokeCode(text) => {
                let code = self.codes.get_mut(text).ok_or("not_found")?;
                if std::mem::replace(&mut code.revoked, true) {
                    return Err("code_revoked");
                }
                entered(text)
            }
            Ask::SetRate(from, rate) => {
                self.rates.insert(from, *rate);
                entered(from)
            }
            Ask::Claim { .. }
            | Ask::Quote { .. }
            | Ask::CancelQuote(_)
            | Ask::Pay(_)
            | Ask::CancelPayment(_)
            | Ask::Refund(..)
            | Ask::Void(_)
            | Ask::Clock(_) => Err("not_found"),
        }
    }

    fn campaign_mut(&mut self, id: &str) -> Result<&mut Campaign, No> {
        self.campaigns.get_mut(id).ok_or("not_found")
    }

    fn shown(&self, id: &str) -> Result<Reply, No> {
        let campaign = self.campaigns.get(id).ok_or("not_found")?;
        let status = campaign.status(self.now).to_owned();
        Ok(Reply::Campaign(CampaignShown { id: id.to_owned(), status, left: campaign.left.clone() }))
    }

    fn draft(&mut self, document: &Document) -> Result<Reply, No> {
        if self.campaigns.contains_key(&document.id) {
            return Err("already_exists");
        }
        self.campaigns.insert(document.id.clone(), Campaign::new(document.clone()));
        self.shown(&document.id)
    }

    fn submit(&mut self, id: &str, by: &'static str) -> Result<Reply, No> {
        let campaign = self.campaign_mut(id)?;
        if campaign.stage != Stage::Draft {
            return Err("invalid_transition");
        }
        (campaign.stage, campaign.submitted_by) = (Stage::InReview, Some(by));
        self.shown(id)
    }

    fn approve(&mut self, id: &str, by: &'static str) -> Result<Reply, No> {
        let now = self.now;
        let campaign = self.campaign_mut(id)?;
        if campaign.stage != Stage::InReview {
            return Err("invalid_transition");
        }
        if campaign.submitted_by == Some(by) {
            return Err("forbidden");
        }
        campaign.state(now);
        self.shown(id)
    }

    fn fund(&mut self, id: &str, amount: Amount) -> Result<Reply, No> {
        let wallet = self.settings.wallet_currency;
        let campaign = self.campaign_mut(id)?;
        if amount.value <= 0 || amount.currency != wallet {
            return Err("invalid_amount");
        }
        if matches!(campaign.stage, Stage::Draft | Stage::InReview | Stage::Closed) {
            return Err("invalid_transition");
        }
        campaign.buckets.funded += amount.value;
        campaign.buckets.free += amount.value;
        if campaign.stage == Stage::Approved && campaign.buckets.free >= campaign.budget() {
            campaign.stage = Stage::Open;
        }
        self.shown(id)
    }

    fn pause(&mut self, id: &str, scope: Scope) -> Result<Reply, No> {
        let now = self.now;
        let campaign = self.campaign_mut(id)?;
        if campaign.status(now) != "live" {
            return Err("invalid_transition");
        }
        campaign.stage = Stage::Paused(scope, now);
        if scope == Scope::All {
            for coupon in self.coupons.values_mut().filter(|coupon| coupon.campaign == id) {
                coupon.gets_time_back = coupon.life == Life::Live && now < coupon.expires_at;
            }
        }
        self.shown(id)
    }

    fn resume(&mut self, id: &str) -> Result<Reply, No> {
        if !matches!(self.campaign_mut(id)?.stage, Stage::Paused(..)) {
            return Err("invalid_transition");
        }
        self.lift(id, Stage::Open);
        self.shown(id)
    }

    fn end(&mut self, id: &str) -> Result<Reply, No> {
        let now = self.now;
        if !matches!(self.campaign_mut(id)?.status(now), "live" | "paused") {
            return Err("invalid_transition");
        }
        self.lift(id, Stage::Ended);
        self.shown(id)
    }

    /// Gives the time of a pause back, and moves on.
    fn lift(&mut self, id: &str, stage: Stage) {
        let now = self.now;
        let Some(campaign) = self.campaigns.get_mut(id) else { return };
        let before = std::mem::replace(&mut campaign.stage, stage);
        if let Stage::Paused(Scope::All, since) = before {
            for coupon in self.coupons.values_mut().filter(|coupon| coupon.campaign == id) {
                if std::mem::take(&mut coupon.gets_time_back) {
                    coupon.expires_at += now - since;
                }
            }
            self.let_time_pass();
        }
    }

    fn close(&mut self, id: &str) -> Result<Reply, No> {
        let now = self.now;
        let campaign = self.campaign_mut(id)?;
        if campaign.status(now) != "ended" || campaign.buckets.committed + campaign.buckets.reserved > 0 {
            return Err("invalid_transition");
        }
        campaign.stage = Stage::Closed;
        campaign.buckets.returned += campaign.buckets.free;
        campaign.buckets.free = 0;
        self.shown(id)
    }
}
