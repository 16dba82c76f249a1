//! Public randomness that somebody hands in, where the server reaches no relay.

use std::sync::Arc;

use axum::extract::{Request, State};
use koi_core::campaign::Beacon;
use koi_core::command::Order;
use koi_fair::beacon::{BeaconRefusal, SIGNATURE_BYTES};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::document::CampaignOut;
use crate::engine::beacons::Unaccepted;
use crate::engine::work::Failure;
use crate::fields::{Field, FromText};
use crate::http::campaigns::{OPERATOR, step};
use crate::http::door::Named;
use crate::http::problem::{Problem, Text};
use crate::http::{Answer, App};
use crate::schema::Name;

/// Bytes in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Hex<N> {
    fn read(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        // One spelling for each value.
        (hex::encode(bytes) == text).then_some(Self(bytes))
    }
}

macro_rules! hex {
    ($($bytes:path, $en:literal $zh:literal;)*) => {$(
        impl FromText for Hex<$bytes> {
            const EXPECTED: (&'static str, &'static str) = ($en, $zh);

            fn from_text(text: &str) -> Option<Self> {
                Self::read(text)
            }

            fn text(&self) -> String {
                hex::encode(self.0)
            }
        }
    )*};
}

/// Bytes of a round's randomness.
const RANDOMNESS_BYTES: usize = 32;

hex! {
    SIGNATURE_BYTES, "96 lower-case hexadecimal digits" " 96 位小写十六进制数字";
    RANDOMNESS_BYTES, "64 lower-case hexadecimal digits" " 64 位小写十六进制数字";
}

/// A round of public randomness, as relays answer it.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Beacon)]
pub(crate) struct BeaconIn {
    /// The number of the round: that of the campaign's seal.
    #[schema(minimum = 1)]
    round: u64,
    /// The chain's signature of the round, in hex.
    #[schema(value_type = String, pattern = "^[0-9a-f]{96}$")]
    signature: Field<Hex<SIGNATURE_BYTES>>,
    /// SHA-256 of the signature, in hex. Where it is left out it is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, pattern = "^[0-9a-f]{64}$")]
    randomness: Option<Field<Hex<RANDOMNESS_BYTES>>>,
}

impl BeaconIn {
    fn beacon(&self) -> Beacon {
        let signature = self.signature.0.0;
        let randomness = self.randomness.as_ref().map(|randomness| randomness.0.0);
        Beacon {
            randomness: randomness.unwrap_or_else(|| Sha256::digest(signature).into()),
            signature: signature.as_slice().into(),
        }
    }
}

/// Hands in the public randomness of a campaign.
///
/// The server fetches it by itself. Where it reaches no relay, take the answer of one from
/// `https://api.drand.sh/CHAIN/public/ROUND`, with chain and round of the campaign's `seal`, on any other machine. It is
/// verified like what relays serve: only the round that was fixed at the approval is taken, with its one signature.
/// What is known already may be handed in again.
#[utoipa::path(
    post,
    path = "/v1/campaigns/{id}/beacon",
    operation_id = "hand_in_beacon",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    request_body = BeaconIn,
    responses((status = 200, description = "The campaign as it stands now.", body = CampaignOut)),
    extensions(
        ("x-roles" = json!(["operator"])),
        ("x-codes" = json!([
            "not_found", "invalid_transition", "beacon_other_round", "beacon_other_chain", "beacon_not_canonical",
            "beacon_signature_wrong", "beacon_randomness_wrong", "beacon_early"
        ])),
    ),
)]
pub(crate) async fn hand_in(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), OPERATOR)?;
    step::<BeaconIn>(&app, caller, &name, request, |id, body| {
        (Order::Unseal(id, body.round, body.beacon()), "handed in".to_owned())
    })
    .await
}

impl From<&Unaccepted> for Problem {
    fn from(unaccepted: &Unaccepted) -> Self {
        match unaccepted {
            Unaccepted::Refused(refusal) => refused(refusal),
            Unaccepted::OtherChain { asked, is } => Problem::new(
                "beacon_other_chain",
                Text::new(
                    format!("This is a round of the chain {is}. The campaign was sealed with the chain {asked}."),
                    format!("此轮次属于链 {is}，而活动封存时使用的链是 {asked}。"),
                ),
            ),
            Unaccepted::Early(time) => Problem::new(
                "beacon_early",
                Text::new(
                    format!(
                        "The round's time is {time}, which this server's clock has not reached: set it right."
                    ),
                    format!("该轮次的时间为 {time}，本服务器的时钟尚未到达，请校准时钟。"),
                ),
            )
            .healing_at(Some(*time)),
            Unaccepted::UnknownChain(_) => Problem::from(&Failure::Fault),
        }
    }
}

fn refused(refusal: &BeaconRefusal) -> Problem {
    let plain = |code: &str, en: &'static str, zh: &'static str| Problem::new(code, Text::new(en, zh));
    match refusal {
        BeaconRefusal::OtherRound { asked, answered } => Problem::new(
            "beacon_other_round",
            Text::new(
                format!("The campaign is sealed by round {asked} and no other; this is round {answered}."),
                format!("活动由第 {asked} 轮封存，不接受其他轮次；提交的是第 {answered} 轮。"),
            ),
        ),
        BeaconRefusal::RoundZero => {
            plain("beacon_other_round", "Round 0 does not exist: the first one is 1.", "第 0 轮不存在，首轮为 1。")
        }
        BeaconRefusal::SignatureLength(_)
        | BeaconRefusal::NotCompressed
        | BeaconRefusal::Infinity
        | BeaconRefusal::NotReduced
        | BeaconRefusal::NotOnCurve
        | BeaconRefusal::OutsideGroup => Problem::new(
            "beacon_not_canonical",
            Text::new(
                format!("Only the one encoding of a signature is taken: {refusal}."),
                format!("仅接受签名的唯一规范编码：{refusal}。"),
            ),
        ),
        BeaconRefusal::SignatureWrong => plain(
            "beacon_signature_wrong",
            "This is not the signature of the campaign's round by its chain. Fetch the round again, from another relay.",
            "这不是该链对该轮次的签名。请从其他中继重新获取。",
        ),
        BeaconRefusal::RandomnessWrong => plain(
            "beacon_randomness_wrong",
            "The randomness is not the SHA-256 of the signature. Fetch the round again, from another relay.",
            "随机数不是签名的 SHA-256。请从其他中继重新获取。",
        ),
        // The body was read before.
        BeaconRefusal::TooLong | BeaconRefusal::Unreadable(_) => {
            Problem::invalid(String::new(), &Text::new("is not a round", "不是有效的轮次"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_has_one_spelling() {
        let [signature, randomness] = ["0a".repeat(48), "0b".repeat(32)];
        let read = |round: &str, signature: &str, more: &str| {
            let body = format!(r#"{{"round":{round},"signature":"{signature}"{more}}}"#);
            serde_json::from_str::<BeaconIn>(&body).map(|body| body.beacon())
        };
        let with = |text: &str| format!(r#","randomness":"{text}""#);
        let computed: [u8; 32] = Sha256::digest([10; 48]).into();
        assert_eq!(read("7", &signature, "").unwrap().randomness, computed);
        assert_eq!(read("7", &signature, &with(&randomness)).unwrap().randomness, [11; 32]);
        for (round, signature, more) in [
            ("-7", signature.as_str(), ""),
            ("7.0", &signature, ""),
            ("\"7\"", &signature, ""),
            ("7", &signature.to_uppercase(), ""),
            ("7", &signature[1..], ""),
            ("7", &signature.repeat(2), ""),
            ("7", "", ""),
            ("7", &signature, &with(&randomness.to_uppercase())),
            ("7", &signature, &with("")),
            ("7", &signature, r#","previous_signature":"""#),
        ] {
            assert!(read(round, signature, more).is_err(), "{round} {signature} {more}");
        }
    }
}
