//! The public log, as it is written out: complete, the same whoever writes it, and never taken back.

#[allow(dead_code, reason = "shared with the tests of the store")]
#[path = "../../koi-store/tests/postgres/server.rs"]
mod postgres;
#[allow(dead_code, reason = "shared with other tests")]
mod stage;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;

use koi::public_log::place::Address;
use koi::public_log::publisher::{Unpublished, published};
use koi::public_log::{Identity, Place, PublicLog, Publisher, proof};
use koi_core::command::Order;
use koi_core::id::CampaignId;
use koi_core::packet::Tier;
use koi_core::rules::Rules;
use koi_core::time::{DAY_MS, Time};
use koi_fair::beacon::Chain;
use koi_fair::log::{
    AuditDepth, Policy, Quorum, SignedCheckpoint, TileKind, TilePath, TileSource, TlogProof, audit, entries_of,
};
use koi_fair::replay::{Findings, Outlines, Replay, Replayed};
use koi_fair::statement::Statement;
use koi_store::sqlite::Folder;
use koi_store::{Installation, Issued};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::stage::{Stage, claim, is_coupon, rules};

const ORIGIN: &str = "koi.example/log";

/// An installation with a log, and a runtime for its files.
struct Scene {
    stage: Stage,
    installation: Installation,
    runtime: Runtime,
    _place: Option<TempDir>,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

impl Scene {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let (writer, lock) = folder.serve().unwrap();
        let mut stage = Stage::over(writer);
        stage.set();
        stage.keep(lock);
        Self { stage, installation: Installation::Folder(folder), runtime: runtime(), _place: Some(place) }
    }

    /// On a database with some cells.
    fn on_a_database() -> Self {
        let cluster = postgres::Server::shared();
        let installation = Installation::Database(Box::new(cluster.url(&cluster.fresh()).parse().unwrap()));
        let mut stage = Stage::over(installation.serve(Some(5), 1).unwrap().writers.remove(0));
        stage.set();
        Self { stage, installation, runtime: runtime(), _place: None }
    }

    fn log(&self, folder: &Path) -> PublicLog {
        let mut writer = self.installation.administer().unwrap();
        let identity = Identity::settle(&mut writer, ORIGIN, [7; 32]).unwrap();
        let address = Address::Folder(folder.to_owned());
        PublicLog::new(identity, Place::open(&address, self.runtime.handle().clone()).unwrap())
    }

    fn publisher(&self, folder: &Path) -> Publisher {
        Publisher::new(self.installation.clone(), self.log(folder), Vec::new())
    }

    /// So many shoppers claim; answers how many got something.
    fn claims(&mut self, campaign: &str, from: usize, count: usize) -> usize {
        let claims = (from..from + count).map(|number| claim(campaign, &format!("{campaign}-{number}")));
        let outcomes: Vec<_> =
            claims.collect::<Vec<_>>().chunks(300).flat_map(|some| self.stage.call(some.to_vec())).collect();
        outcomes.iter().filter(|outcome| is_coupon(outcome)).count()
    }

    /// Everything that is due by now is booked.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.stage.run(Vec::new());
        }
    }

    fn coupons(&self) -> Vec<Issued> {
        let mut coupons = Vec::new();
        self.installation
            .reader()
            .unwrap()
            .for_each_issued(i64::MIN, i64::MAX, |coupon| coupons.push(coupon))
            .unwrap();
        coupons
    }
}

fn publish_all(publisher: &mut Publisher) -> Option<u64> {
    let mut size = None;
    loop {
        let (published, is_more) = publisher.publish(Time::of_ms(1)).unwrap();
        size = published.map(|published| published.size).or(size);
        if !is_more {
            return size;
        }
    }
}

fn split_rules(id: &str) -> Rules {
    let packets = vec![
        Tier { face: 288_800, count: 5, split: true },
        Tier { face: 8_800, count: 45, split: false },
        Tier { face: 888, count: 6_000, split: false },
    ];
    Rules { packets, ..rules(id, 1, true) }
}

/// The files of a folder, each with the hash of what it holds.
fn files(folder: &Path) -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, all: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, all);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                all.insert(name, hex::encode(&Sha256::digest(std::fs::read(&path).unwrap())[..8]));
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(folder, folder, &mut all);
    all
}

/// Those that every copy of the log has.
fn full(files: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let full = files.iter().filter(|(name, _)| !name.contains(".p/"));
    full.map(|(name, hash)| (name.as_str(), hash.as_str())).collect()
}

/// Everything that the files say, after the root was rebuilt from all of them.
fn statements(log: &PublicLog) -> Vec<Statement> {
    let standing = published(log).unwrap().unwrap();
    audit(&log.place, standing.size, &standing.root, AuditDepth::Entries, NonZeroUsize::MIN).unwrap();
    let bundles = standing.size.div_ceil(256);
    let mut statements = Vec::new();
    for index in 0..bundles {
        let path = TilePath::in_log(TileKind::Entries, index, standing.size).unwrap();
        let bytes = log.place.read(&path).unwrap();
        let leaves = entries_of(&path, &bytes).unwrap();
        statements.extend(leaves.into_iter().map(|leaf| Statement::parse(leaf).unwrap()));
    }
    statements
}

/// The replay of a closed campaign, from the files alone.
fn replayed(statements: &[Statement], campaign: &str) -> Replayed {
    let mut findings = Findings::new(10);
    let mut outlines = Outlines::new(vec![Chain::local()]);
    for (index, leaf) in (0..).zip(statements) {
        findings.at(Some(index), leaf.campaign());
        outlines.take(leaf, &mut findings);
    }
    let outline = outlines.campaigns().find(|outline| outline.campaign() == campaign).unwrap();
    let mut replay = Replay::new(outline).unwrap();
    for (index, leaf) in (0..).zip(statements).filter(|(_, leaf)| leaf.campaign() == campaign) {
        findings.at(Some(index), leaf.campaign());
        replay.take(leaf, &mut findings);
    }
    findings.at(None, campaign);
    let replayed = replay.finish(&mut findings);
    assert!(findings.kept.is_empty(), "{:?}", findings.kept.iter().map(ToString::to_string).collect::<Vec<_>>());
    replayed
}

/// Two campaigns with claims, expiries, a pause and closes; `now_and_then` is called in between.
fn season(scene: &mut Scene, mut now_and_then: impl FnMut(&mut Scene)) -> usize {
    let ids = ["ann", "bob"].map(CampaignId::stored);
    ids.iter().for_each(|id| scene.stage.live(split_rules(id.as_str())));
    now_and_then(scene);
    let mut issued = 0;
    for round in 0..3 {
        issued += scene.claims("ann", round * 1000, 1000);
        now_and_then(scene);
        issued += scene.claims("bob", round * 700, 700);
        scene.stage.wait(2 * DAY_MS);
        scene.settle();
        now_and_then(scene);
    }
    for id in ids {
        scene.stage.order(Order::End(id.clone(), "over".into()));
        now_and_then(scene);
        scene.stage.order(Order::Close(id));
        now_and_then(scene);
    }
    issued
}

#[test]
fn a_log_is_the_same_whoever_writes_it_and_when_and_tells_everything() {
    is_the_same_and_tells_everything(Scene::new());
}

#[test]
fn a_log_of_several_cells_is_the_same_whoever_writes_it_and_when() {
    let told = is_the_same_and_tells_everything(Scene::on_a_database());
    assert!(told.iter().all(|told| told.moved > 100 && told.cells == 5), "{told:?}");
}

fn is_the_same_and_tells_everything(mut scene: Scene) -> [Replayed; 2] {
    let (early, late) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut publisher = scene.publisher(early.path());
    let mut sizes = vec![0];
    let issued = season(&mut scene, |_| {
        sizes.extend(publish_all(&mut publisher));
    });
    assert!(sizes.len() > 8 && sizes.is_sorted_by(|one, other| one < other), "{sizes:?}");
    assert_eq!(publish_all(&mut publisher), None, "nothing is new");

    // Who comes late makes the same files at once, from the steps that were made.
    assert_eq!(publish_all(&mut scene.publisher(late.path())), sizes.last().copied());
    let (early_files, late_files) = (files(early.path()), files(late.path()));
    assert_eq!(full(&early_files), full(&late_files));
    // Narrower tiles are kept only where the full one is not there yet.
    for name in early_files.keys().filter(|name| name.contains(".p/")) {
        assert!(!early_files.contains_key(name.split(".p/").next().unwrap()), "{name}");
    }

    let statements = statements(&scene.log(early.path()));
    let told = ["ann", "bob"].map(|campaign| replayed(&statements, campaign));
    assert_eq!(told.iter().map(|told| told.claims).sum::<u64>(), issued as u64);
    assert!(told.iter().all(|told| told.put_back > 100), "{told:?}");
    told
}

/// The proof of a coupon's receipt, if it is published.
fn proof_of(log: &PublicLog, reader: &koi_store::Reader, campaign: &str, coupon: &Issued) -> Option<TlogProof> {
    let standing = published(log).unwrap()?;
    let (index, leaf) = proof::find(log, reader, campaign, coupon).unwrap()?;
    (index < standing.size).then(|| proof::of(log, standing, index, leaf).unwrap())
}

#[test]
fn every_coupon_has_a_proof_once_it_is_published() {
    let mut scene = Scene::new();
    let folder = tempfile::tempdir().unwrap();
    let (mut publisher, log) = (scene.publisher(folder.path()), scene.log(folder.path()));
    scene.stage.live(split_rules("ann"));
    scene.stage.live(split_rules("bob"));
    let reader = scene.installation.reader().unwrap();
    let mut known = 0;
    for round in 0..4 {
        // Some at the very same instant, some later, in two campaigns.
        scene.claims("ann", round * 400, 400);
        scene.claims("bob", round * 300, 300);
        scene.claims("ann", 10_000 + round * 50, 50);
        scene.stage.wait(5);
        if round == 2 {
            continue;
        }
        let newest = scene.coupons().pop().unwrap();
        assert!(proof_of(&log, &reader, "bob", &newest).is_none(), "not yet");
        publish_all(&mut publisher);
        let standing = published(&log).unwrap().unwrap();
        let policy = Policy {
            origin: ORIGIN.to_owned(),
            keys: vec![log.identity.key().parse().unwrap()],
            quorum: Quorum::new(vec![], 0).unwrap(),
            before: None,
        };
        let mut indices = std::collections::BTreeSet::new();
        let coupons = scene.coupons();
        for coupon in coupons.iter().step_by(61) {
            let campaign = if coupon.id.campaign().0 == 1 { "ann" } else { "bob" };
            let proof = proof_of(&log, &reader, campaign, coupon).expect("a proof");
            let kept: TlogProof = proof.to_string().parse().unwrap();
            let leaf = kept.extra.clone().unwrap();
            let proved = kept.verify(&leaf, &policy).unwrap();
            assert_eq!((proved.size, proved.root), (standing.size, standing.root));
            assert!(indices.insert(proved.index));
            let Statement::Receipt(receipt) = Statement::parse(&leaf).unwrap() else { panic!("a receipt") };
            assert_eq!((receipt.coupon, receipt.face), (coupon.id.to_string(), coupon.face));
            let by_index = proof::of_index(&log, proved.index).unwrap().unwrap();
            assert_eq!(by_index, proof);
        }
        assert!(coupons.len() > known);
        known = coupons.len();
        assert!(proof::of_index(&log, standing.size).unwrap().is_none());
    }
}

#[test]
fn damaged_files_are_written_again_and_lead_to_what_was_signed() {
    let mut scene = Scene::new();
    let folder = tempfile::tempdir().unwrap();
    scene.stage.live(split_rules("ann"));
    scene.claims("ann", 0, 900);
    let size = publish_all(&mut scene.publisher(folder.path())).unwrap();
    let whole = files(folder.path());
    for (path, how) in TilePath::partial_in_log(size).iter().zip([0, 1].into_iter().cycle()) {
        let file = folder.path().join(path.to_string());
        let mut bytes = std::fs::read(&file).unwrap();
        match how {
            0 => std::fs::remove_file(&file).unwrap(),
            _ => {
                *bytes.last_mut().unwrap() ^= 1;
                std::fs::write(&file, bytes).unwrap();
            }
        }
        let mut publisher = scene.publisher(folder.path());
        assert_eq!(publish_all(&mut publisher), None);
        // Whole again at once, though nothing is new.
        audit_of(&scene.log(folder.path()));
        scene.claims("ann", 5000, 1);
        let now = publish_all(&mut publisher);
        assert!(now.is_none_or(|now| now > size));
        audit_of(&scene.log(folder.path()));
    }
    let now = files(folder.path());
    assert!(full(&whole).iter().all(|(name, bytes)| *name == "checkpoint" || full(&now)[name] == *bytes));
}

fn audit_of(log: &PublicLog) {
    let standing = published(log).unwrap().unwrap();
    audit(&log.place, standing.size, &standing.root, AuditDepth::Entries, NonZeroUsize::MIN).unwrap();
}

#[test]
fn what_was_published_is_never_contradicted() {
    let (mut scene, folder) = (Scene::new(), tempfile::tempdir().unwrap());
    scene.stage.live(split_rules("ann"));
    scene.claims("ann", 0, 400);
    publish_all(&mut scene.publisher(folder.path()));
    // A backup of this moment.
    let old = tempfile::tempdir().unwrap();
    let Installation::Folder(from) = &scene.installation else { unreachable!() };
    koi_store::sqlite::backup(from, &old.path().join("backup.db"), |_, _| {}).unwrap();
    scene.claims("ann", 400, 400);
    let size = publish_all(&mut scene.publisher(folder.path())).unwrap();
    let before = files(folder.path());

    let restored = Folder::new(&old.path().join("restored"));
    restored.make().unwrap();
    koi_store::sqlite::restore(&old.path().join("backup.db"), &restored, |_, _| {}).unwrap();
    let (writer, lock) = restored.serve().unwrap();
    let mut stage = Stage::over(writer);
    stage.keep(lock);
    stage.clock.set(scene.stage.clock.now());
    let mut later =
        Scene { stage, installation: Installation::Folder(restored), runtime: runtime(), _place: Some(old) };
    let mut publisher = later.publisher(folder.path());
    let ahead = publisher.publish(Time::of_ms(1)).unwrap_err();
    assert!(matches!(ahead, Unpublished::Ahead { published, .. } if published == size), "{ahead}");
    // Others claim there, until it has more than was published.
    later.claims("ann", 9000, 500);
    for _ in 0..3 {
        match publisher.publish(Time::of_ms(1)) {
            Err(Unpublished::Ahead { .. } | Unpublished::Forked { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(full(&files(folder.path())), full(&before), "nothing was changed");
}

/// A failover that lost a step, under a publisher that remembers it.
#[test]
fn a_publisher_does_not_go_on_from_a_step_that_the_database_has_lost() {
    let (mut scene, folder) = (Scene::on_a_database(), tempfile::tempdir().unwrap());
    scene.stage.live(split_rules("ann"));
    let mut publisher = scene.publisher(folder.path());
    for round in 0..3 {
        scene.claims("ann", round * 100, 100);
        publish_all(&mut publisher).unwrap();
    }
    let before = files(folder.path());
    let Installation::Database(database) = &scene.installation else { unreachable!() };
    let name = database.to_string();
    let sql = postgres::Server::shared().sql(name.rsplit('/').next().unwrap());
    sql.lose_step();
    scene.claims("ann", 900, 100);
    for _ in 0..3 {
        let refused = publisher.publish(Time::of_ms(1)).unwrap_err();
        assert!(matches!(refused, Unpublished::Ahead { .. } | Unpublished::Forked { .. }), "{refused}");
    }
    assert_eq!(files(folder.path()), before, "nothing was signed");
    assert!(sql.has_every_step());
}

#[test]
fn a_place_of_another_log_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::new();
    scene.stage.live(split_rules("ann"));
    publish_all(&mut scene.publisher(folder.path()));
    let other = Scene::new();
    let mut writer = other.installation.administer().unwrap();
    let identity = Identity::settle(&mut writer, ORIGIN, [8; 32]).unwrap();
    let place = Place::open(&Address::Folder(folder.path().to_owned()), other.runtime.handle().clone()).unwrap();
    let mut publisher = Publisher::new(other.installation.clone(), PublicLog::new(identity, place), Vec::new());
    let before = files(folder.path());
    assert!(matches!(publisher.publish(Time::of_ms(1)), Err(Unpublished::Foreign(_))));
    assert_eq!(files(folder.path()), before);
}

#[test]
fn any_number_of_servers_publish_one_log() {
    let mut scene = Scene::on_a_database();
    let shared = tempfile::tempdir().unwrap();
    let own = tempfile::tempdir().unwrap();
    let mut publishers =
        [scene.publisher(shared.path()), scene.publisher(shared.path()), scene.publisher(own.path())];
    let mut turn = 0;
    season(&mut scene, |_| {
        turn += 1;
        for place in 0..publishers.len() {
            let place = (place + turn) % publishers.len();
            // Some look only now and then.
            if !(turn + place).is_multiple_of(3) {
                publish_all(&mut publishers[place]);
            }
        }
    });
    for publisher in &mut publishers {
        publish_all(publisher);
    }
    assert_eq!(full(&files(shared.path())), full(&files(own.path())));
    audit_of(&scene.log(shared.path()));
    let checkpoint = std::fs::read_to_string(shared.path().join("checkpoint")).unwrap();
    let checkpoint: SignedCheckpoint = checkpoint.parse().unwrap();
    assert_eq!(scene.log(own.path()).identity.open(&checkpoint).unwrap().origin(), ORIGIN);
}
