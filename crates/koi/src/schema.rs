//! What the fields of bodies look like in the document: the forms that `fields` reads and the rules write.
//!
//! Nothing is ever made of these types; bodies name them where their own type says too little.

use std::borrow::Cow;

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! forms {
    ($($(#[doc = $doc:literal])+ $name:ident = $builder:expr;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = concat!($($doc, "\n"),+).trim();
                $builder.description(Some(description)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

fn text(pattern: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).examples([example])
}

fn one_of(names: &'static [&'static str]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied()))
}

forms! {
    /// A name that the caller chooses: 1 to 64 of `A-Z a-z 0-9 _ . -`.
    Name = text("^[A-Za-z0-9_.-]{1,64}$", "A");
    /// The characters of a printed QR code.
    CodeCharacters = text("^[A-Za-z0-9_.-]{1,64}$", "7F3K9Q2M");
    /// A country: two upper-case letters of ISO 3166-1.
    CountryCode = text("^[A-Z]{2}$", "NZ");
    /// A currency: three upper-case letters of ISO 4217.
    CurrencyCode = text("^[A-Z]{3}$", "NZD");
    /// A decimal string above 0 with at most 8 places: what one whole unit is in whole units of the other currency.
    DecimalRate = text("^[0-9]{1,8}(\\.[0-9]{1,8})?$", "4.58170000");
    /// A time of RFC 3339 with an offset, between the years 2000 and 2200. Answers are in UTC, with milliseconds.
    Instant = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2018-07-15T00:00:00+08:00"]);
    /// A time zone of the IANA database.
    ZoneName = ObjectBuilder::new().schema_type(Type::String).examples(["Pacific/Auckland"]);
    /// 1 to 500 characters, not only spaces, without control characters.
    ShortText = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(koi_core::limits::TEXT_CHARS))
        .examples(["pasted over"]);
    /// What a pause stops: `issuing`, no new coupons, while live ones keep working; `all`, no new deductions
    /// either, and no coupon expires meanwhile.
    PauseScope = one_of(&["issuing", "all"]);
    /// What kind of campaign it is.
    CampaignKind = one_of(&["red_packet"]);
    /// When a purchase is large enough for a coupon: its amount `exceeds` the face, or `reaches` it.
    Threshold = one_of(&["exceeds", "reaches"]);
    /// Where a campaign stands.
    CampaignStatus =
        one_of(&["draft", "in_review", "approved", "scheduled", "live", "paused", "ended", "closed"]);
    /// Where a coupon stands.
    CouponStatus = one_of(&["active", "reserved", "used", "expired", "void"]);
    /// Where a quote stands.
    QuoteStatus = one_of(&["open", "paid", "cancelled", "expired"]);
    /// Where a payment stands.
    PaymentStatus = one_of(&["paid", "cancelled"]);
    /// Where a code stands.
    CodeStatus = one_of(&["active", "revoked"]);
    /// Why nothing is taken off, the first that applies.
    NoDeductionReason = one_of(&[
        "campaign_paused",
        "store_not_participating",
        "coupon_reserved",
        "does_not_exceed",
        "coupon_expired",
        "no_coupon",
    ]);
    /// An account of the ledger.
    LedgerAccount = one_of(&[
        "funder",
        "free",
        "committed",
        "reserved",
        "spent",
        "returned",
        "recovered",
        "refunds",
        "moved",
    ]);
    /// Why money moved.
    TransferReason = one_of(&[
        "fund", "issue", "reserve", "release", "spend", "cancel", "expire", "void", "recover", "restore", "close",
        "move", "gather",
    ]);
    /// Minor units above zero, as far as every JSON reader holds them exactly.
    MinorUnits = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1_i64))
        .maximum(Some(koi_core::limits::MONEY))
        .examples([8800]);
}
