use super::*;

fn report(bars: Vec<Bar>) -> Report {
    Report {
        machine: Machine {
            cores: 2,
            cpu: "Some Processor (R) with a rather long name @ 2.50GHz".to_owned(),
            kernel: "Linux 6.1.0".to_owned(),
            memory_mib: 24_103,
            file_system: "ext4".to_owned(),
        },
        fsync_us: Some(40.25),
        batch: Some(109.0),
        brief: false,
        coupons: 10_000_000,
        seconds: 5.0,
        rounds: 3,
        connections: 256,
        generator_threads: 1,
        kept: None,
        bars,
        compared: Vec::new(),
    }
}

fn missed_and_skipped() -> Report {
    let mut broken = Bar::measured(7, &[0.5]);
    broken.count_errors(&BTreeMap::from([("503 busy".to_owned(), 1_234)]));
    report(vec![
        Bar::measured(1, &[0.41, 0.5, 0.43])
            .with("claims_per_s", 61_200)
            .with("requests_per_s", 142_000.5)
            .note("the generator took 3.2 µs per request of the cores that it shares with the server, which is worth knowing")
            .judge(false),
        Bar::skipped(2, "no redis-server on the PATH").judge(false),
        Bar::measured(5, &[0.7, 0.9]).judge(false),
        broken.judge(false),
        Bar::failed(9, &anyhow::anyhow!("refused").context("starting the server")).judge(false),
    ])
}

#[test]
fn the_json_has_the_agreed_members() {
    let json: Value = serde_json::from_str(&missed_and_skipped().json()).expect("JSON");
    assert!(json["machine"].is_object() && json["fsync_us"].is_number() && json["batch"].is_number());
    let bar = |index: usize| &json["bars"][index];
    assert_eq!((&bar(0)["bar"], &bar(0)["value"], &bar(0)["target"]), (&1.into(), &0.43.into(), &0.4.into()));
    assert_eq!(bar(0)["holds"], true);
    assert_eq!(bar(0)["spread"]["min"], 0.41);
    assert_eq!(bar(0)["raw"]["claims_per_s"], 61_200);
    assert_eq!((&bar(1)["holds"], &bar(1)["value"]), (&Value::Null, &Value::Null));
    assert_eq!(bar(2)["value"], 0.8);
    assert_eq!(bar(2)["holds"], true);
}

#[test]
fn a_bar_measured_with_errors_fails() {
    let report = missed_and_skipped();
    assert_eq!(report.bars[3].holds, Some(false));
    assert_eq!(report.bars[4].holds, Some(false));
    assert_eq!(report.bars[4].failed.as_deref(), Some("starting the server: refused"));
    assert!(!report.succeeded());
}

#[test]
fn a_brief_run_judges_nothing_but_errors() {
    let slow = Bar::measured(1, &[0.01]).judge(true);
    assert_eq!(slow.holds, None);
    assert!(report(vec![slow]).succeeded());
    let broken = Bar::failed(1, &anyhow::anyhow!("refused")).judge(true);
    assert!(!report(vec![broken]).succeeded());
}

#[test]
fn the_table_fits_into_a_hundred_columns_and_says_it_all() {
    let table = missed_and_skipped().table();
    for line in table.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    for said in ["holds", "skipped", "FAILED", "0.43", "61,200", "fdatasync", "1,234 × 503 busy", "10,000,000"] {
        assert!(table.contains(said), "{said:?} is missing:\n{table}");
    }
}

#[test]
fn a_spread_knows_its_middle() {
    let median = |rounds: &[f64]| Spread::of(rounds).map(|spread| spread.median);
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    assert_eq!(median(&[]), None);
}

#[test]
fn those_that_were_compared_have_a_table_of_their_own() {
    let row = |what: &str, per_second: [f64; 2], ratios: [f64; 2], batch, behind: &[f64]| Compared {
        what: what.to_owned(),
        claims_per_s: Spread::of(&per_second),
        ratio: Spread::of(&ratios),
        batch,
        server_us_per_claim: Spread::of(&[41.0, 43.0]),
        behind_us_per_claim: Spread::of(behind),
        errors: BTreeMap::new(),
    };
    let compared = vec![
        row("Koi on a data folder", [40_000.0, 44_000.0], [1.0, 1.0], Some(88.0), &[]),
        row("a Redis script", [20_000.0, 33_000.0], [0.5, 0.74], None, &[17.5]),
    ];
    let report = Report { compared, ..report(vec![Bar::measured(2, &[2.0, 1.5]).judge(false)]) };
    let table = report.table();
    let line = |named: &str| table.lines().find(|line| line.contains(named)).expect("its line").to_owned();
    let (koi, redis) = (line("Koi on a data folder"), line("a Redis script"));
    assert!(
        koi.contains("42,000") && koi.contains("1.00") && koi.contains("88.0") && koi.contains("42.0"),
        "{koi}"
    );
    assert!(redis.contains("26,500") && redis.contains("0.62") && redis.contains("17.5"), "{redis}");
}

#[test]
fn what_was_compared_with_errors_or_without_claims_is_no_success() {
    let compared = |per_second: f64, errors: &[(&str, u64)]| Compared {
        what: "Koi on PostgreSQL, cells: 64, servers: 2".to_owned(),
        claims_per_s: Spread::of(&[per_second]),
        ratio: None,
        batch: None,
        server_us_per_claim: None,
        behind_us_per_claim: None,
        errors: errors.iter().map(|(kind, times)| ((*kind).to_owned(), *times)).collect(),
    };
    let check = |one: Compared, succeeds: bool| {
        let report = Report { compared: vec![one], ..report(Vec::new()) };
        assert_eq!(report.succeeded(), succeeds, "{}", report.table());
        report.table()
    };
    check(compared(20_000.0, &[]), true);
    check(compared(0.0, &[]), false);
    assert!(check(compared(9_000.0, &[("503 busy", 12)]), false).contains("12 × 503 busy"));
}
