//! What is asked of the server, in the words of the contract: names and numbers as a caller sends them.

/// Somebody with an account, as a wallet names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shopper {
    /// The wallet account.
    pub account: String,
    /// The natural person.
    pub person: String,
}

/// Minor units of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// The ISO 4217 code.
    pub currency: &'static str,
    /// Minor units.
    pub value: i64,
}

/// What a pause stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// New coupons.
    Issuing,
    /// Deductions and expiries too.
    All,
}

/// When an amount is large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// More than the face.
    Exceeds,
    /// The face or more.
    Reaches,
}

/// One row of a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Minor units of a packet.
    pub face: i64,
    /// Packets.
    pub count: u64,
    /// Whether a coupon may be spent over several purchases.
    pub split: bool,
}

/// A campaign document, as far as its rules go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The campaign's name.
    pub id: String,
    /// The zone of its windows.
    pub zone: &'static str,
    /// Its first instant, in milliseconds since the epoch.
    pub starts_at: i64,
    /// The first instant after it.
    pub ends_at: i64,
    /// Its stock.
    pub packets: Vec<Tier>,
    /// Whether the shopper must be verified.
    pub verified: bool,
    /// Countries whose IDs are eligible; none: all.
    pub id_countries: Vec<&'static str>,
    /// Countries whose stores are excluded.
    pub not_in_countries: Vec<&'static str>,
    /// Calendar days of a window.
    pub window_days: u32,
    /// Coupons of a person in a window.
    pub per_window: u32,
    /// Coupons of a person at once.
    pub live: u32,
    /// Days of 24 hours that a coupon is valid.
    pub valid_days: u32,
    /// When an amount is large enough.
    pub threshold: Threshold,
    /// The least that a shopper pays.
    pub min_shopper_pays: i64,
    /// Whether a refund of the whole amount gives a plain coupon back.
    pub refund_returns_coupon: bool,
    /// Whether an unspent coupon that expired goes back into the stock.
    pub restock_expired: bool,
    /// Seconds that a quote with a coupon holds.
    pub quote_valid_s: u32,
    /// Who takes part; `None`: all.
    pub merchants: Option<Vec<String>>,
    /// The secret of the sealed stock.
    pub pool_secret: [u8; 32],
}

/// A merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its name.
    pub id: String,
    /// Where it is registered.
    pub country: &'static str,
    /// What it charges in.
    pub currency: &'static str,
    /// Its fee in basis points.
    pub fee_bps: u32,
}

/// A store of a merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its name.
    pub id: String,
    /// Whose it is.
    pub merchant: String,
    /// Where it stands.
    pub country: &'static str,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `POST /v1/campaigns/{id}/claims`
    Claim {
        /// Of which campaign.
        campaign: String,
        /// The code scanned.
        code: String,
        /// By whom.
        shopper: Shopper,
        /// Whether the wallet verified them.
        verified: bool,
        /// Their ID's country.
        id_country: &'static str,
    },
    /// `POST /v1/quotes`
    Quote {
        /// Who buys.
        shopper: Shopper,
        /// Where.
        store: String,
        /// For how much.
        amount: Amount,
    },
    /// `POST /v1/quotes/{id}/cancel`
    CancelQuote(String),
    /// `POST /v1/payments` of a quote.
    Pay(String),
    /// `POST /v1/payments/{id}/cancel`
    CancelPayment(String),
    /// `POST /v1/payments/{id}/refunds`
    Refund(String, Amount),
    /// `POST /v1/coupons/{id}/void`
    Void(String),
    /// `POST /v1/campaigns`
    Draft(Box<Document>),
    /// `POST …/submit`
    Submit(String),
    /// `POST …/approve`
    Approve(String),
    /// `POST …/fund`
    Fund(String, Amount),
    /// `POST …/pause`
    Pause(String, Scope),
    /// `POST …/resume`
    Resume(String),
    /// `POST …/end`
    End(String),
    /// `POST …/close`
    Close(String),
    /// `POST /v1/merchants`
    AddMerchant(Merchant),
    /// `POST /v1/merchants/{id}/stores`
    AddStore(Store),
    /// `POST /v1/stores/{id}/codes`: the store, and the characters that the server is to draw.
    AddCode(String, String),
    /// `POST /v1/codes/{code}/revoke`
    RevokeCode(String),
    /// `PUT /v1/rates/…`: a currency into the wallet's, in steps of 10⁻⁸.
    SetRate(&'static str, u64),
    /// `PUT /v1/sandbox/clock`
    Clock(i64),
}

/// A call with who makes it, and its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub ask: Ask,
    /// The principal.
    pub by: &'static str,
    /// The key. Calls by `PUT` ignore it.
    pub key: String,
}

impl Request {
    /// What a key's scope is, and the path and body that it is bound to; `None` for calls by `PUT`.
    pub fn bound(&self) -> Option<Bound> {
        let (scope, path) = match &self.ask {
            Ask::Claim { campaign, shopper, .. } => {
                (shopper.person.clone(), format!("/v1/campaigns/{campaign}/claims"))
            }
            Ask::Quote { shopper, .. } => (shopper.person.clone(), "/v1/quotes".to_owned()),
            Ask::CancelQuote(quote) => (quote.clone(), format!("/v1/quotes/{quote}/cancel")),
            Ask::Pay(quote) => (quote.clone(), "/v1/payments".to_owned()),
            Ask::CancelPayment(payment) => (payment.clone(), format!("/v1/payments/{payment}/cancel")),
            Ask::Refund(payment, _) => (payment.clone(), format!("/v1/payments/{payment}/refunds")),
            Ask::Void(coupon) => (coupon.clone(), format!("/v1/coupons/{coupon}/void")),
            Ask::Draft(document) => (format!("campaign:{}", document.id), "/v1/campaigns".to_owned()),
            Ask::Submit(id) => of_campaign(id, "submit"),
            Ask::Approve(id) => of_campaign(id, "approve"),
            Ask::Fund(id, _) => of_campaign(id, "fund"),
            Ask::Pause(id, _) => of_campaign(id, "pause"),
            Ask::Resume(id) => of_campaign(id, "resume"),
            Ask::End(id) => of_campaign(id, "end"),
            Ask::Close(id) => of_campaign(id, "close"),
            Ask::AddMerchant(merchant) => (format!("merchant:{}", merchant.id), "/v1/merchants".to_owned()),
            Ask::AddStore(store) => {
                (format!("store:{}", store.id), format!("/v1/merchants/{}/stores", store.merchant))
            }
            Ask::AddCode(store, _) => (format!("store:{store}"), format!("/v1/stores/{store}/codes")),
            Ask::RevokeCode(code) => (format!("code:{code}"), format!("/v1/codes/{code}/revoke")),
            Ask::SetRate(..) | Ask::Clock(_) => return None,
        };
        // The fields in their order stand for the canonical body; a code's characters are no part of it.
        let body = match &self.ask {
            Ask::AddCode(..) => "a5_sticker".to_owned(),
            ask => format!("{ask:?}"),
        };
        Some(Bound { scope, path, body })
    }
}

fn of_campaign(id: &str, verb: &str) -> (String, String) {
    (format!("campaign:{id}"), format!("/v1/campaigns/{id}/{verb}"))
}

/// What an idempotency key belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What the call is about.
    pub scope: String,
    /// The call's path.
    pub path: String,
    /// The call's body.
    pub body: String,
}
