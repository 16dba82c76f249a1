//! Fields of bodies: read into the types of the rules while the JSON is parsed, so that an error names its place.

use std::fmt;
use std::marker::PhantomData;

use koi_core::campaign::Scope;
use koi_core::id::{AccountId, CampaignId, CodeText, FunderId, Medium, MerchantId, PersonId, StoreId};
use koi_core::money::{Currency, Money, Rate};
use koi_core::rules::{Country, Threshold};
use koi_core::time::{Time, Zone};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schema::CurrencyCode;

/// Separates the English from the Chinese words of an error on its way through serde.
pub(crate) const LANGUAGES: char = '\u{1F}';

/// A type that is written as text.
pub(crate) trait FromText: Sized {
    /// What is expected, in English and in Chinese.
    const EXPECTED: (&'static str, &'static str);
    fn from_text(text: &str) -> Option<Self>;
    fn text(&self) -> String;
}

/// A field of such a type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field<T>(pub(crate) T);

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromText> Visitor<'_> for TextVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}{LANGUAGES}{}", T::EXPECTED.0, T::EXPECTED.1)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        T::from_text(text)
            .map(Field)
            .ok_or_else(|| E::custom(format_args!("must be {}{LANGUAGES}应为{}", T::EXPECTED.0, T::EXPECTED.1)))
    }
}

impl<'de, T: FromText> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

impl<T: FromText> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text())
    }
}

macro_rules! names {
    ($($name:ident)*) => {$(
        impl FromText for $name {
            const EXPECTED: (&'static str, &'static str) =
                ("1 to 64 of A-Z a-z 0-9 _ . -", " 1 至 64 个字符，限 A-Z a-z 0-9 _ . -");

            fn from_text(text: &str) -> Option<Self> {
                Self::parse(text)
            }

            fn text(&self) -> String {
                self.as_str().to_owned()
            }
        }
    )*};
}

names! { AccountId CampaignId CodeText FunderId Medium MerchantId PersonId StoreId }

impl FromText for Country {
    const EXPECTED: (&'static str, &'static str) =
        ("a country: two upper-case letters of ISO 3166-1", " ISO 3166-1 两位大写国家代码");

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.code().to_owned()
    }
}

impl FromText for Currency {
    const EXPECTED: (&'static str, &'static str) =
        ("a currency: three upper-case letters of ISO 4217", " ISO 4217 三位大写货币代码");

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.code().to_owned()
    }
}

impl FromText for Rate {
    const EXPECTED: (&'static str, &'static str) = (
        "a decimal string above 0 with at most 8 places, such as \"4.58170000\"",
        "大于 0、至多 8 位小数的十进制字符串，如 \"4.58170000\"",
    );

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl FromText for Time {
    const EXPECTED: (&'static str, &'static str) = (
        "a time of RFC 3339 with an offset, between 2000 and 2200, such as \"2018-07-15T00:00:00+08:00\"",
        "带时区偏移的 RFC 3339 时间（2000 年至 2200 年），如 \"2018-07-15T00:00:00+08:00\"",
    );

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl FromText for Zone {
    const EXPECTED: (&'static str, &'static str) =
        ("an IANA time zone, such as \"Pacific/Auckland\"", " IANA 时区，如 \"Pacific/Auckland\"");

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.name().to_owned()
    }
}

/// One of a few words. Serde's own reading of enums takes objects for words too, which nobody means.
macro_rules! words {
    ($type:ty: $en:literal $zh:literal, $($word:literal $value:path),+) => {
        impl $crate::fields::FromText for $type {
            const EXPECTED: (&'static str, &'static str) = ($en, $zh);

            fn from_text(text: &str) -> Option<Self> {
                match text {
                    $($word => Some($value),)+
                    _ => None,
                }
            }

            fn text(&self) -> String {
                let word = match self {
                    $($value => $word,)+
                };
                word.to_owned()
            }
        }
    };
}

pub(crate) use words;

words! { Scope: "\"issuing\" or \"all\"" " \"issuing\" 或 \"all\"", "issuing" Scope::Issuing, "all" Scope::All }
words! {
    Threshold: "\"exceeds\" or \"reaches\"" " \"exceeds\" 或 \"reaches\"",
    "exceeds" Threshold::Exceeds, "reaches" Threshold::Reaches
}

/// A text for people: 1 to `MOST` characters, not only spaces, no control characters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Words(pub(crate) std::sync::Arc<str>);

impl FromText for Words {
    const EXPECTED: (&'static str, &'static str) =
        ("1 to 500 characters, without control characters", " 1 至 500 个字符，不含控制字符");

    fn from_text(text: &str) -> Option<Self> {
        let count = text.chars().count();
        let fits = (1..=koi_core::limits::TEXT_CHARS).contains(&count) && !text.trim().is_empty();
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.into()))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Money as it comes in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoneyIn {
    pub(crate) currency: Field<Currency>,
    pub(crate) value: i64,
}

impl MoneyIn {
    pub(crate) fn money(&self) -> Money {
        Money { currency: self.currency.0, value: self.value }
    }
}

/// Money as it goes out: an ISO 4217 code and an integer of minor units.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Money)]
pub(crate) struct MoneyOut {
    #[serde(serialize_with = "code")]
    #[schema(value_type = CurrencyCode)]
    currency: Currency,
    /// Minor units.
    #[schema(example = 4590)]
    value: i64,
}

fn code<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(currency.code())
}

impl MoneyOut {
    pub(crate) fn new(currency: Currency, value: i64) -> Self {
        Self { currency, value }
    }
}

impl From<Money> for MoneyOut {
    fn from(money: Money) -> Self {
        Self { currency: money.currency, value: money.value }
    }
}
