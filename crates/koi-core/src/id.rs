//! Names that callers choose, and numbers that we make.
//!
//! A name is 1–64 of `A-Z a-z 0-9 _ . -`; each kind of thing has a type of its own, so that an account
//! is never passed where a person is meant. A number packs where a thing lives: the cell comes first,
//! in the number and in the text that stands for it outside.

use std::sync::Arc;

use sha2::{Digest, Sha256};

/// The longest name, in characters.
pub const NAME_LEN: usize = 64;

fn is_name(text: &str) -> bool {
    (1..=NAME_LEN).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads a name; `None` when it is not 1–64 of `A-Z a-z 0-9 _ . -`.
            pub fn parse(text: &str) -> Option<Self> {
                is_name(text).then(|| Self(text.into()))
            }

            /// The name of a row that was parsed when it was written.
            pub fn stored(text: &str) -> Self {
                Self(text.into())
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// A campaign, named by its operator.
    CampaignId;
    /// Who pays for the coupons.
    FunderId;
    /// A merchant, named by its acquirer.
    MerchantId;
    /// A store of a merchant.
    StoreId;
    /// A wallet account.
    AccountId;
    /// The natural person behind accounts, named by the wallet.
    PersonId;
    /// What carries a code: a sticker, a poster, a stand.
    Medium;
    /// Who a key belongs to.
    Principal;
}

/// One printed QR code: eight letters and digits without look-alikes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeText(Arc<str>);

impl CodeText {
    /// Letters and digits that nobody mistakes for each other (no 0 O 1 I L U).
    pub const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
    /// Characters of a code: 30⁸ is some 656 thousand million codes.
    pub const LEN: usize = 8;

    /// A code of random values, each below 30.
    pub fn of_picks(picks: [u8; Self::LEN]) -> Self {
        let letters = picks.map(|pick| char::from(Self::ALPHABET[usize::from(pick) % Self::ALPHABET.len()]));
        Self(letters.iter().collect::<String>().into())
    }

    /// A code as somebody sent it. Any name will do: one that we never made is simply unknown.
    pub fn parse(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.into()))
    }

    /// A code of a row.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The code's characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part of the installation that holds its own shoppers and a slice of every stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell(pub u16);

impl Cell {
    /// The cell in which each campaign's stock and money begin.
    pub const TREASURY: Cell = Cell(0);
}

/// The most cells of an installation.
pub const MAX_CELLS: u16 = 1 << CELL_BITS;

/// A campaign's number within the installation, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CampaignNo(pub u32);

const CELL_BITS: u32 = 10;
const CAMPAIGN_BITS: u32 = 18;
const ORDINAL_BITS: u32 = 32;
const SEQUENCE_BITS: u32 = CAMPAIGN_BITS + ORDINAL_BITS;

/// The most campaigns of an installation.
pub const MAX_CAMPAIGNS: u32 = (1 << CAMPAIGN_BITS) - 1;

/// A natural person, as a number that is the same for ever: the first 63 bits of
/// SHA-256(`koi/person/v1\n` ‖ person). It finds the person's rows and their cell; rows are compared by
/// the whole name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShopperKey(pub i64);

impl ShopperKey {
    /// The number of a person.
    pub fn of(person: &PersonId) -> Self {
        let hash = Sha256::new().chain_update(b"koi/person/v1\n").chain_update(person.as_str()).finalize();
        Self(first_i64(&hash))
    }

    /// The cell in which the person's coupons, quotes and payments live.
    pub fn cell(self, cells: u16) -> Cell {
        let slot = self.0.unsigned_abs() % u64::from(cells.clamp(1, MAX_CELLS));
        Cell(u16::try_from(slot).unwrap_or(0))
    }
}

/// The first eight bytes of a hash as a number that is not negative.
pub(crate) fn first_i64(hash: &[u8]) -> i64 {
    let bytes: [u8; 8] = std::array::from_fn(|place| hash[place]);
    i64::from_be_bytes(bytes) & i64::MAX
}

/// A coupon: the claim with this ordinal, of this campaign, in this cell. Ordinals are dense, so a
/// missing or a doubled one shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CouponId(i64);

/// A quote: the n-th of its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuoteId(i64);

/// A payment: it has the number of the quote that it pays, since a quote is paid once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaymentId(QuoteId);

/// A refund: the n-th of its payment, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefundId {
    /// The payment that is refunded.
    pub payment: PaymentId,
    /// The refund's place among those of the payment, from 1.
    pub number: u32,
}

/// A transfer of the ledger: the n-th of its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId(i64);

impl CouponId {
    /// The coupon of an ordinal.
    pub fn new(cell: Cell, campaign: CampaignNo, ordinal: u32) -> Self {
        let place = (i64::from(cell.0) << CAMPAIGN_BITS) | i64::from(campaign.0);
        Self((place << ORDINAL_BITS) | i64::from(ordinal))
    }

    /// Where the coupon lives.
    pub fn cell(self) -> Cell {
        cell_of(self.0)
    }

    /// The campaign that issued it.
    pub fn campaign(self) -> CampaignNo {
        let number = (self.0 >> ORDINAL_BITS) & ((1 << CAMPAIGN_BITS) - 1);
        CampaignNo(u32::try_from(number).unwrap_or(0))
    }

    /// Its ordinal among the campaign's claims in the cell, from 0.
    pub fn ordinal(self) -> u32 {
        u32::try_from(self.0 & i64::from(u32::MAX)).unwrap_or(0)
    }
}

impl QuoteId {
    /// The least number there can be, below those of all quotes that are made: where a walk over all begins.
    pub const FIRST: QuoteId = QuoteId(i64::MIN);

    /// The n-th quote of a cell.
    pub fn new(cell: Cell, sequence: i64) -> Self {
        Self(in_cell(cell, sequence))
    }
}

impl PaymentId {
    /// The payment of a quote.
    pub fn of(quote: QuoteId) -> Self {
        Self(quote)
    }

    /// The quote that it paid.
    pub fn quote(self) -> QuoteId {
        self.0
    }

    /// The stored number.
    pub fn number(self) -> i64 {
        self.0.0
    }

    /// Where the payment lives.
    pub fn cell(self) -> Cell {
        self.0.cell()
    }

    /// The payment of a stored number.
    pub fn of_number(number: i64) -> Self {
        Self(QuoteId(number))
    }
}

impl TransferId {
    /// The least number there can be, below those of all lines that are written: where a walk over all begins.
    pub const FIRST: TransferId = TransferId(i64::MIN);

    /// The n-th transfer of a cell.
    pub fn new(cell: Cell, sequence: i64) -> Self {
        Self(in_cell(cell, sequence))
    }

    /// The cell whose money moves.
    pub fn cell(self) -> Cell {
        cell_of(self.0)
    }
}

fn in_cell(cell: Cell, sequence: i64) -> i64 {
    (i64::from(cell.0) << SEQUENCE_BITS) | (sequence & ((1 << SEQUENCE_BITS) - 1))
}

fn cell_of(number: i64) -> Cell {
    Cell(u16::try_from(number >> SEQUENCE_BITS).unwrap_or(0))
}

macro_rules! numbers {
    ($($name:ident)*) => {$(
        impl $name {
            /// The stored number.
            pub fn number(self) -> i64 {
                self.0
            }

            /// The id of a stored number.
            pub fn of_number(number: i64) -> Self {
                Self(number)
            }
        }
    )*};
}

numbers! { CouponId QuoteId TransferId }

impl QuoteId {
    /// Where the quote lives.
    pub fn cell(self) -> Cell {
        cell_of(self.0)
    }
}

/// Crockford's base 32: no I, L, O, U.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 60 bits in groups of five: two characters of cell, ten of the rest.
const DIGITS_LEN: usize = 12;

fn encode(number: i64) -> String {
    (0..DIGITS_LEN)
        .rev()
        .map(|place| char::from(DIGITS[usize::try_from((number >> (5 * place)) & 31).unwrap_or(0)]))
        .collect()
}

fn decode(text: &str) -> Option<i64> {
    if text.len() != DIGITS_LEN {
        return None;
    }
    text.bytes().try_fold(0_i64, |number, byte| {
        let digit = DIGITS.iter().position(|candidate| *candidate == byte)?;
        Some((number << 5) | i64::try_from(digit).ok()?)
    })
}

macro_rules! texts {
    ($($name:ident $prefix:literal;)*) => {$(
        impl $name {
            /// Reads the id as it is written outside.
            pub fn parse(text: &str) -> Option<Self> {
                decode(text.strip_prefix($prefix)?).map(Self::of_number)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "{}"), encode(self.number()))
            }
        }
    )*};
}

texts! {
    CouponId "cpn_";
    QuoteId "quo_";
    PaymentId "pay_";
    TransferId "trf_";
}

impl RefundId {
    /// Reads the id as it is written outside.
    pub fn parse(text: &str) -> Option<Self> {
        let (payment, number) = text.strip_prefix("ref_")?.split_once('-')?;
        let canonical = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        let number = number.parse().ok().filter(|_| canonical)?;
        Some(Self { payment: PaymentId::of_number(decode(payment)?), number })
    }
}

impl std::fmt::Display for RefundId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ref_{}-{}", encode(self.payment.number()), self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for (text, ok) in [
            ("A", true),
            ("nz-summer_2018.v2", true),
            (&"x".repeat(64), true),
            (&"x".repeat(65), false),
            ("", false),
            ("a b", false),
            ("<script>", false),
            ("红包", false),
            ("a/b", false),
        ] {
            assert_eq!(AccountId::parse(text).is_some(), ok, "{text:?}");
        }
    }

    #[test]
    fn a_code_is_made_of_picks_and_read_back() {
        let code = CodeText::of_picks([0, 1, 29, 30, 59, 8, 7, 255]);
        assert_eq!(code.as_str(), "23Z2ZA9H");
        assert_eq!(CodeText::parse(code.as_str()), Some(code));
        assert_eq!(CodeText::parse("a b"), None);
    }

    #[test]
    fn a_coupon_number_holds_cell_campaign_and_ordinal() {
        for (cell, campaign, ordinal) in [(0, 1, 0), (1023, MAX_CAMPAIGNS, u32::MAX), (7, 42, 4_000_000_000)] {
            let id = CouponId::new(Cell(cell), CampaignNo(campaign), ordinal);
            assert_eq!((id.cell(), id.campaign(), id.ordinal()), (Cell(cell), CampaignNo(campaign), ordinal));
            assert!(id.number() >= 0);
            assert_eq!(CouponId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn a_sequence_never_leads_into_another_cell() {
        for sequence in [0, 1, (1 << SEQUENCE_BITS) - 1, 1 << SEQUENCE_BITS, i64::MAX, -1] {
            assert_eq!(QuoteId::new(Cell(3), sequence).cell(), Cell(3), "{sequence}");
            assert_eq!(TransferId::new(Cell(1023), sequence).cell(), Cell(1023), "{sequence}");
        }
    }

    #[test]
    fn the_first_characters_of_an_id_are_its_cell() {
        let one = CouponId::new(Cell(33), CampaignNo(9), 1).to_string();
        let two = QuoteId::new(Cell(33), 77).to_string();
        assert_eq!(one[4..6], two[4..6]);
        assert_eq!(&one[4..6], "11");
    }

    #[test]
    fn quotes_payments_and_refunds_read_back() {
        let quote = QuoteId::new(Cell(1023), (1 << SEQUENCE_BITS) - 1);
        assert_eq!(quote.cell(), Cell(1023));
        assert_eq!(QuoteId::parse(&quote.to_string()), Some(quote));
        let payment = PaymentId::of(quote);
        assert_eq!(PaymentId::parse(&payment.to_string()), Some(payment));
        let refund = RefundId { payment, number: 12 };
        assert_eq!(RefundId::parse(&refund.to_string()), Some(refund));
        for wrong in [
            "quo_",
            "quo_0000000000000",
            "quo_00000000000I",
            "pay_000000000000",
            "quo_00000000000é",
            "cpn_doesnotexist",
        ] {
            assert_eq!(QuoteId::parse(wrong), None, "{wrong}");
        }
        assert_eq!(RefundId::parse("ref_000000000001-01"), None);
        assert_eq!(RefundId::parse("ref_000000000001-+1"), None);
    }

    #[test]
    fn a_person_has_one_cell_for_ever() {
        let key = ShopperKey::of(&PersonId::parse("P1").unwrap());
        // A changed hash would lose every stored shopper: this number must never change.
        assert_eq!(key, ShopperKey(P1_KEY));
        assert_eq!(key.cell(1), Cell(0));
        assert!(key.cell(64).0 < 64);
    }

    const P1_KEY: i64 = 1_564_771_355_414_796_626;

    #[test]
    fn codes_have_no_look_alikes() {
        let code = CodeText::of_picks([0, 29, 8, 17, 3, 30, 255, 1]);
        assert_eq!(code.as_str().len(), 8);
        assert!(!code.as_str().contains(['0', 'O', '1', 'I', 'L', 'U']));
    }
}
