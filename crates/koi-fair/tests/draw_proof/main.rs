//! A draw in public: what is honest holds, and everything else is refused with its reason.

mod audits;
mod changed;
mod honest;
mod vectors;

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use koi_fair::canonical;
use koi_fair::draw::made_up::{Held, Plan};
use koi_fair::draw::{DrawProof, DrawProofRefusal, Verdict};
use koi_fair::log::{Folder, TreeHash};
use serde_json::Value;

/// A draw of a thousand entries, and its entry log.
struct Draw {
    plan: Plan,
    entries: Folder,
    root: TreeHash,
    held: Held,
}

static DRAW: LazyLock<Draw> = LazyLock::new(|| drawn(Plan::small()));

/// A draw in which every second entry is excluded, so that the draw meets some on its way.
static MANY_EXCLUDED: LazyLock<Draw> =
    LazyLock::new(|| drawn(Plan { entries: 64, excluded_every: 2, reserves: 9, ..Plan::small() }));

fn drawn(plan: Plan) -> Draw {
    let entries = Folder::default();
    let root = plan.write_entries(&entries, NonZeroUsize::MIN).unwrap();
    let held = plan.hold(root).unwrap();
    Draw { plan, entries, root, held }
}

/// What a verifier says of a file.
fn verified(draw: &Draw, file: &[u8], list: Option<&str>) -> Result<Verdict, DrawProofRefusal> {
    DrawProof::parse(file)?.verify(&draw.plan.trust().unwrap(), list)
}

/// The code with which a file is refused.
fn refusal(draw: &Draw, file: &[u8], list: Option<&str>) -> &'static str {
    match verified(draw, file, list) {
        Ok(verdict) => panic!("it holds: {verdict}"),
        Err(why) => {
            assert!(!why.to_string().is_empty());
            why.code()
        }
    }
}

/// The proof of one person, as a document.
fn document(draw: &Draw, index: u64) -> Value {
    serde_json::from_str(&draw.held.proof(&draw.entries, index).unwrap().text().unwrap()).unwrap()
}

fn file(document: &Value) -> Vec<u8> {
    canonical::text(document).unwrap().into_bytes()
}
