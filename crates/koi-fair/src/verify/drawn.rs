//! What an entrant keeps of a draw.

use super::report::{Caveat, Checked, Draw, Finding, Kind};
use super::{FILE_BYTES_MAX, Trust, no_paper};
use crate::draw::{DrawProof, DrawProofRefusal, DrawTrust, Verdict};

/// Checks the proof of an entry in a draw by the key of the log that has the draw's statements, and with the published list of
/// exclusions, if it is at hand.
pub fn check_draw_proof(input: &str, bytes: &[u8], trust: &Trust, exclusions: Option<&str>) -> Checked {
    if bytes.len() > FILE_BYTES_MAX {
        return no_paper(input, bytes);
    }
    let mut checked = Checked::new(input, Kind::DrawProof);
    let quorum = Some(trust.quorum.clone()).filter(|quorum| quorum.needed() > 0);
    let is_witnessed = quorum.is_some();
    let trusted = DrawTrust { quorum, ..DrawTrust::of_key(trust.key.clone()) };
    let verified = DrawProof::parse(bytes).and_then(|proof| {
        let verdict = proof.verify(&trusted, exclusions)?;
        Ok((verdict, is_witnessed || proof.seal.rules.quorum > 0))
    });
    match verified {
        Ok((verdict, is_witnessed)) => say(&mut checked, &verdict, trust, is_witnessed),
        Err(why) => checked.refuse(of_refusal(&why)),
    }
    checked
}

fn of_refusal(why: &DrawProofRefusal) -> Finding {
    Finding::new(why.code(), why)
}

fn say(checked: &mut Checked, verdict: &Verdict, trust: &Trust, is_witnessed: bool) {
    let bound = &verdict.bound;
    checked.say_log(&trust.key, bound.log_size, bound.log_root);
    checked.cosigned = Some(bound.cosigned.iter().map(Into::into).collect());
    let local = verdict.notice().is_some();
    for (holds, caveat) in [
        (!is_witnessed, Caveat::NoWitnesses),
        (local, Caveat::LocalRandomness),
        (verdict.exclusions_believed, Caveat::ExclusionsBelieved),
    ] {
        if holds {
            checked.caveat(caveat);
        }
    }
    checked.draw = Some(Draw {
        draw: verdict.draw.clone(),
        entries: verdict.entries,
        index: verdict.index,
        number: verdict.index.saturating_add(1),
        winner: verdict.outcome.winner,
        reserves: verdict.outcome.reserves.clone(),
        place: verdict.place.code(),
        round: verdict.round,
        local,
        detail: verdict.to_string(),
    });
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::draw::made_up::Plan;
    use crate::log::{Folder, Quorum};

    fn trust(plan: &Plan) -> Trust {
        Trust { key: plan.signer().unwrap().verifier(), quorum: Quorum::new(vec![], 0).unwrap() }
    }

    #[test]
    fn a_person_is_told_their_number_and_who_won() {
        let (plan, entries) = (Plan::small(), Folder::default());
        let held = plan.hold(plan.write_entries(&entries, NonZeroUsize::MIN).unwrap()).unwrap();
        let file = held.proof(&entries, 41).unwrap().text().unwrap();
        let checked = check_draw_proof("file", file.as_bytes(), &trust(&plan), None);
        assert_eq!((checked.ok, checked.kind), (true, Kind::DrawProof), "{checked:?}");
        let draw = checked.draw.unwrap();
        assert_eq!((draw.entries, draw.index, draw.number, draw.local), (1000, 41, 42, true));
        assert!(draw.detail.starts_with("You were number 42 of 1,000; "), "{}", draw.detail);
        assert_eq!(checked.caveats, [Caveat::LocalRandomness, Caveat::ExclusionsBelieved]);
        let with_list = check_draw_proof("file", file.as_bytes(), &trust(&plan), Some(&held.exclusions));
        assert_eq!((with_list.ok, with_list.caveats), (true, vec![Caveat::LocalRandomness]));
        let other_list = check_draw_proof("file", file.as_bytes(), &trust(&plan), Some("koi/exclusions/v1\n"));
        assert_eq!(other_list.findings[0].code, "exclusions_hash");
        // A witness that nobody asked for did not cosign.
        let witness = crate::log::CosignerKey::from_seed("other.example", [3; 32]).unwrap().witness();
        let strict = Trust { quorum: Quorum::new(vec![witness], 1).unwrap(), ..trust(&plan) };
        assert_eq!(check_draw_proof("file", file.as_bytes(), &strict, None).findings[0].code, "quorum_too_few");
        for wrong in ["{", "{}", &file[..file.len() - 1], &file.replace("\"winner\":", "\"winner\":1")] {
            assert!(!check_draw_proof("file", wrong.as_bytes(), &trust(&plan), None).ok, "{wrong}");
        }
    }
}
