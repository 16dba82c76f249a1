//! How members of a draw's statements are written.

/// Keys of witnesses, as vkeys.
pub(super) mod keys {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::log::WitnessKey;

    pub(in super::super) fn serialize<S: Serializer>(
        keys: &[WitnessKey],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(keys.iter().map(ToString::to_string))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<WitnessKey>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}

/// The rules within a seal: a whole statement.
pub(super) mod rules {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    use crate::statement::draw::{DrawRules, DrawStatement};

    pub(in super::super) fn serialize<S: Serializer>(rules: &DrawRules, serializer: S) -> Result<S::Ok, S::Error> {
        let value = DrawStatement::Rules(rules.clone()).value().map_err(S::Error::custom)?;
        value.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DrawRules, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match DrawStatement::of_value(value).map_err(D::Error::custom)? {
            DrawStatement::Rules(rules) => Ok(rules),
            DrawStatement::Seal(_) | DrawStatement::Outcome(_) | DrawStatement::Void(_) => {
                Err(D::Error::custom("rules: a statement of kind draw_rules is needed"))
            }
        }
    }
}

/// The signature of a round: 96 digits of lower-case hexadecimal.
pub(super) mod signature {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::beacon::SIGNATURE_BYTES;

    pub(in super::super) fn serialize<S: Serializer>(
        signature: &[u8; SIGNATURE_BYTES],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(signature))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; SIGNATURE_BYTES], D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = hex::decode(&text).ok().filter(|bytes| hex::encode(bytes) == text);
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| D::Error::custom("96 digits of lower-case hexadecimal are expected"))
    }
}
