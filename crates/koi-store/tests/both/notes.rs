//! What orders of the office leave besides rows.

use koi_core::id::Principal;
use koi_core::ledger::Transfer;
use koi_store::{Answered, LogLine, LogSetting, Notes, Sequenced, Stated};

use crate::Installation;
use crate::sample::{self, asked, at};

fn commit(installation: &mut Installation, notes: &Notes) {
    let rows = installation.begin(&[]).unwrap();
    installation.end(&rows, notes).unwrap();
}

#[test]
fn an_answer_is_kept_for_repeats() {
    let mut installation = Installation::new();
    let answered = Answered { asked: asked(5), status: u16::MAX, body: "{\"红\":\"\u{0}\"}".repeat(1000) };
    assert_eq!(installation.reader().answered(asked(5).key).unwrap(), None);
    commit(&mut installation, &Notes { answered: Some(answered.clone()), ..Notes::default() });
    assert_eq!(installation.reader().answered(asked(5).key).unwrap(), Some(answered.clone()));
    assert_eq!(installation.reader().answered(asked(6).key).unwrap(), None);

    // The same key cannot be answered twice: the second transaction fails as a whole.
    let mut rows = installation.begin(&[]).unwrap();
    rows.coupons.put(sample::coupon(1).id, sample::coupon(1));
    let again = Notes { answered: Some(Answered { status: 200, ..answered }), ..Notes::default() };
    assert!(installation.end(&rows, &again).is_err());
    let want = [koi_store::Want::Coupon(sample::coupon(1).id)];
    assert!(!installation.rows(&want).coupons.has(sample::coupon(1).id));
}

#[test]
fn the_log_grows_line_by_line() {
    let mut installation = Installation::new();
    let line = |number: i64| LogLine {
        at: at(number),
        principal: Principal::stored("operator"),
        action: "campaign.pause".to_owned(),
        subject: format!("summer-{number}"),
        detail: "'; DROP TABLE log; --".to_owned(),
    };
    for number in 1..=3 {
        commit(&mut installation, &Notes { log: vec![line(number)], ..Notes::default() });
    }
    assert_eq!(installation.log_lines(), [line(1), line(2), line(3)]);
}

#[test]
fn time_is_not_before_the_last_line_of_either_book() {
    let mut installation = Installation::new();
    let latest = Installation::latest;
    assert_eq!(latest(&mut installation), None);
    let transfer = |number: i64, ms: i64| Transfer { at: at(ms), ..sample::transfer(number) };
    let line = |ms: i64| LogLine {
        at: at(ms),
        principal: Principal::stored("operator"),
        action: "campaign.create".to_owned(),
        subject: "summer".to_owned(),
        detail: String::new(),
    };
    commit(&mut installation, &Notes { log: vec![line(50)], ..Notes::default() });
    assert_eq!(latest(&mut installation), Some(at(50)));
    installation.commit(|rows| rows.transfers.push(transfer(1, 40)));
    assert_eq!(latest(&mut installation), Some(at(50)));
    installation.commit(|rows| rows.transfers.push(transfer(2, 60)));
    assert_eq!(latest(&mut installation), Some(at(60)));
    commit(&mut installation, &Notes { log: vec![line(70)], ..Notes::default() });
    assert_eq!(latest(&mut installation), Some(at(70)));
}

#[test]
fn the_sandboxs_clock_is_kept() {
    let mut installation = Installation::new();
    assert_eq!(installation.sandbox_clock(), None);
    for ms in [1_531_580_400_000, 1_531_580_400_001] {
        commit(&mut installation, &Notes { sandbox_clock: Some(at(ms)), ..Notes::default() });
        assert_eq!(installation.sandbox_clock(), Some(at(ms)));
    }
}

#[test]
fn an_installation_stays_what_it_was_first_served_as() {
    let mut installation = Installation::new();
    assert_eq!(installation.mode("sandbox"), "sandbox");
    assert_eq!(installation.mode("live"), "sandbox");
}

#[test]
fn statements_are_numbered_without_a_gap() {
    let mut installation = Installation::new();
    let all: Vec<Stated> = (1..=5).map(|number| stated(number, vec![number, i64::MAX, 0])).collect();
    for statements in [&all[..2], &all[2..3], &all[3..]] {
        commit(&mut installation, &Notes { statements: statements.to_vec(), ..Notes::default() });
    }
    let numbered: Vec<(i64, Stated)> = (1..).zip(all).collect();
    let reader = installation.reader();
    assert_eq!(reader.statements(0, 10).unwrap(), numbered);
    assert_eq!(reader.statements(1, 3).unwrap(), numbered[1..4]);
    assert_eq!(reader.statements(5, 10).unwrap(), []);
}

#[test]
fn a_step_of_the_public_log_is_made_once() {
    let mut installation = Installation::new();
    assert_eq!(installation.reader().sequenced(None).unwrap(), None);
    let step = |number: i64, size: u64| Sequenced {
        number,
        at: at(number),
        size,
        root: [u8::try_from(size).unwrap(); 32],
        statement: number - 1,
        lines: vec![1, i64::MAX, 1 << 50],
    };
    assert!(installation.sequence(&step(1, 7), &[0; 32]));
    // Not on another one than is there, nor past one that is not there.
    assert!(!installation.sequence(&step(2, 7), &[8; 32]));
    assert!(!installation.sequence(&step(3, 7), &[7; 32]));
    assert!(installation.sequence(&step(2, 7), &[7; 32]));
    // Somebody else comes later to the same number, with something else.
    assert!(!installation.sequence(&step(2, 9), &[7; 32]));
    let reader = installation.reader();
    assert_eq!(reader.sequenced(None).unwrap(), Some(step(2, 7)));
    assert_eq!(reader.sequenced(Some(1)).unwrap(), Some(step(1, 7)));
    assert_eq!(reader.sequenced(Some(3)).unwrap(), None);
}

#[test]
fn a_public_log_stays_what_it_was_first_called() {
    let mut installation = Installation::new();
    assert_eq!(installation.public_log(LogSetting::Origin, "koi.example/log"), "koi.example/log");
    assert_eq!(installation.public_log(LogSetting::Secret, "ab"), "ab");
    assert_eq!(installation.public_log(LogSetting::Origin, "other.example"), "koi.example/log");
    assert_eq!(installation.public_log(LogSetting::Secret, "cd"), "ab");
}

fn stated(number: i64, lines: Vec<i64>) -> Stated {
    Stated { at: at(number), body: format!("{{\"红\":{number}}}"), lines }
}

#[test]
fn notes_are_rolled_back_with_their_rows() {
    let mut installation = Installation::new();
    let mut rows = installation.begin(&[]).unwrap();
    rows.transfers.push(sample::transfer(1));
    rows.transfers.push(sample::transfer(1));
    let answered = Answered { asked: asked(5), status: 200, body: String::new() };
    let statements = vec![stated(1, vec![7])];
    let notes = Notes { answered: Some(answered), sandbox_clock: Some(at(1)), statements, log: Vec::new() };
    assert!(installation.end(&rows, &notes).is_err());
    assert_eq!(installation.reader().answered(asked(5).key).unwrap(), None);
    assert_eq!(installation.sandbox_clock(), None);
    assert_eq!(installation.reader().statements(0, 10).unwrap(), []);
}
