//! Where a verifier key ends in a text that goes on after it.

/// Characters of base64 for the type of a key and the 32 bytes of one of Ed25519: a whole number of groups, without padding.
const BASE64_CHARS: usize = 44;

/// Splits a text after the key `NAME+HASH+BASE64` that it begins with. Whether that is a sound key is not looked at.
///
/// What follows may have any character: a name has no `+`, and the length of the base64 is known.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let name = text.find('+')?;
    let hash = name + 1 + text.get(name + 1..)?.find('+')?;
    text.split_at_checked(hash + 1 + BASE64_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_where_its_base64_does() {
        const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        for rest in ["", "=koi.example.com/log", "@https://w.example/a+b=c@d", "+"] {
            let text = format!("{KEY}{rest}");
            assert_eq!(split(&text), Some((KEY, rest)), "{text}");
        }
        for wrong in ["", "a", "a+b", "a+b+c", &KEY[..KEY.len() - 1], "a+b+é"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
