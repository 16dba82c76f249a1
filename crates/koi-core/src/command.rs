//! What can be asked, and what is answered.

use std::sync::Arc;

use crate::campaign::{Beacon, Campaign, Scope};
use crate::catalog::{Code, Merchant, Store};
use crate::coupon::Coupon;
use crate::id::{
    AccountId, CampaignId, Cell, CodeText, CouponId, Medium, PaymentId, PersonId, Principal, QuoteId, ShopperKey,
    StoreId,
};
use crate::idempotency::Asked;
use crate::money::{Currency, Money, Rate};
use crate::payment::{Payment, Refund};
use crate::quote::Quote;
use crate::refusal::Refusal;
use crate::rows::Changes;
use crate::rules::{Country, Rules};

/// A natural person with the account that they use.
#[derive(Clone, Debug, PartialEq)]
pub struct Shopper {
    /// The person's number.
    pub key: ShopperKey,
    /// The person.
    pub person: PersonId,
    /// The account.
    pub account: AccountId,
}

impl Shopper {
    /// A shopper of parsed names.
    pub fn new(person: PersonId, account: AccountId) -> Self {
        Self { key: ShopperKey::of(&person), person, account }
    }
}

/// A scan that asks for a coupon.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Of which campaign.
    pub campaign: CampaignId,
    /// The code that was scanned.
    pub code: CodeText,
    /// Who scanned it.
    pub shopper: Shopper,
    /// Whether the wallet checked the person against an ID.
    pub verified: bool,
    /// The ID's country.
    pub id_country: Country,
}

/// A purchase that asks for its price.
#[derive(Clone, Debug, PartialEq)]
pub struct Purchase {
    /// Who buys.
    pub shopper: Shopper,
    /// Where.
    pub store: StoreId,
    /// For how much.
    pub amount: Money,
}

/// A command of the load-bearing path. Each touches the rows of one cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A claim.
    Claim(Claim),
    /// A quote.
    Quote(Purchase),
    /// Gives a quote's reservation back.
    CancelQuote(QuoteId),
    /// Pays a quote.
    Pay(QuoteId),
    /// Undoes a payment.
    CancelPayment(PaymentId),
    /// Gives money of a payment back.
    Refund(PaymentId, Money),
    /// Takes a coupon back.
    Void(CouponId),
}

impl Command {
    /// What the log calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Command::Claim(_) => "coupon.claim",
            Command::Quote(_) => "quote.create",
            Command::CancelQuote(_) => "quote.cancel",
            Command::Pay(_) => "payment.create",
            Command::CancelPayment(_) => "payment.cancel",
            Command::Refund(..) => "payment.refund",
            Command::Void(_) => "coupon.void",
        }
    }

    /// The cell whose rows the command touches. A number that names a cell which the installation does not have names
    /// nothing; nothing is found in the first cell as well as anywhere.
    pub fn cell(&self, cells: u16) -> Cell {
        let of_number = |cell: Cell| if cell.0 < cells { cell } else { Cell(0) };
        match self {
            Command::Claim(claim) => claim.shopper.key.cell(cells),
            Command::Quote(purchase) => purchase.shopper.key.cell(cells),
            Command::CancelQuote(id) | Command::Pay(id) => of_number(id.cell()),
            Command::CancelPayment(id) | Command::Refund(id, _) => of_number(id.quote().cell()),
            Command::Void(id) => of_number(id.cell()),
        }
    }
}

/// A command of the office: it changes the catalog.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// A new campaign, with its secret of the sealed stock.
    Draft(Box<Rules>, [u8; 32]),
    /// Draft → in review.
    Submit(CampaignId),
    /// In review → approved.
    Approve(CampaignId),
    /// The randomness of the round that seals its stock is known. Once more it changes nothing.
    Unseal(CampaignId, u64, Beacon),
    /// The funder pays in.
    Fund(CampaignId, Money),
    /// Live → paused.
    Pause(CampaignId, Scope, Arc<str>),
    /// Paused → open.
    Resume(CampaignId),
    /// Live or paused → ended.
    End(CampaignId, Arc<str>),
    /// Ended → closed.
    Close(CampaignId),
    /// A new merchant.
    AddMerchant(Merchant),
    /// A new store.
    AddStore(Store),
    /// A new code, whose characters nobody has yet.
    AddCode(StoreId, Medium, CodeText),
    /// A code that is no longer valid.
    RevokeCode(CodeText, Arc<str>),
    /// A rate, in force from now on.
    SetRate(Currency, Currency, Rate),
}

impl Order {
    /// The campaign whose money or packets the order concerns.
    pub fn campaign(&self) -> Option<&CampaignId> {
        match self {
            Order::Draft(rules, _) => Some(&rules.id),
            Order::Submit(id)
            | Order::Approve(id)
            | Order::Unseal(id, ..)
            | Order::Fund(id, _)
            | Order::Pause(id, ..)
            | Order::Resume(id)
            | Order::End(id, _)
            | Order::Close(id) => Some(id),
            Order::AddMerchant(_)
            | Order::AddStore(_)
            | Order::AddCode(..)
            | Order::RevokeCode(..)
            | Order::SetRate(..) => None,
        }
    }

    /// What the log calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Order::Draft(..) => "campaign.create",
            Order::Submit(_) => "campaign.submit",
            Order::Approve(_) => "campaign.approve",
            Order::Unseal(..) => "campaign.unseal",
            Order::Fund(..) => "campaign.fund",
            Order::Pause(..) => "campaign.pause",
            Order::Resume(_) => "campaign.resume",
            Order::End(..) => "campaign.end",
            Order::Close(_) => "campaign.close",
            Order::AddMerchant(_) => "merchant.create",
            Order::AddStore(_) => "store.create",
            Order::AddCode(..) => "code.create",
            Order::RevokeCode(..) => "code.revoke",
            Order::SetRate(..) => "rate.set",
        }
    }
}

/// What a command is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A coupon.
    Coupon(Coupon),
    /// A quote.
    Quote(Quote),
    /// A payment, with what was bought.
    Payment(Quote, Payment),
    /// A refund, of this purchase.
    Refund(Quote, Refund),
    /// A campaign, with what is left of each tier.
    Campaign(Arc<Campaign>, Vec<u64>),
    /// A merchant.
    Merchant(Arc<Merchant>),
    /// A store.
    Store(Arc<Store>),
    /// A code.
    Code(Arc<Code>),
    /// A rate.
    Rate(Currency, Currency, Rate),
}

/// A decision: what changes, and what is answered.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What changes. A replay changes nothing.
    pub changes: Changes,
    /// What is answered.
    pub answer: Answer,
    /// Whether the answer repeats an earlier one.
    pub replayed: bool,
}

impl Decision {
    /// A decision that changes something.
    pub fn new(changes: Changes, answer: Answer) -> Self {
        Self { changes, answer, replayed: false }
    }
}

/// A command with the idempotency key under which it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is asked.
    pub command: Command,
    /// Under which key.
    pub asked: Asked,
}

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq)]
pub enum No {
    /// The rules say no: an answer like any other.
    Refused(Refusal),
    /// An invariant is broken.
    Fault(crate::fault::Fault),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<crate::fault::Fault> for No {
    fn from(fault: crate::fault::Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Who gives an order of the office.
pub type By<'a> = &'a Principal;
