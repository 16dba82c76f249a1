//! Campaigns as files: checked, applied twice, shown.

mod cli;

use cli::{Server, finish, koi, run};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../campaigns/nz-summer-2018.toml");

#[test]
fn the_original_campaign_is_right_and_its_figures_are_exact() {
    let shown = run(&["campaign", "check", FILE, "--json"]).expect(0).json();
    assert_eq!(shown["budget_needed"], 100_000_000);
    assert_eq!(shown["expected_cost"]["rounded"], 1_000);
    assert_eq!(shown["tiers"][0]["odds"], "20/100000");
    assert_eq!(shown["windows"][2]["from"]["store"], "2018-09-13 04:00:00 +12:00");
    let shown = run(&["campaign", "check", FILE, "--zone", "Asia/Tokyo"]).expect(0).out;
    for text in ["CNY 1,000,000.00, exactly", "2018-08-14 01:00:00 +09:00", "2018-09-14 16:00:00 +00:00"] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
}

#[test]
fn a_mistake_is_named_by_file_line_and_field() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("campaign.toml");
    let text = std::fs::read_to_string(FILE).unwrap().replace("face = 8_800", "face = 88.00");
    std::fs::write(&file, &text).unwrap();
    let ran = finish(koi().args(["campaign", "check"]).arg(&file)).expect(1);
    let line = 1 + text.lines().position(|line| line == "face = 88.00").unwrap();
    let start = format!("{}:{line}: packets.2.face must be a whole number", file.display());
    assert!(ran.err.starts_with(&start), "{}", ran.err);
    assert_eq!(ran.out, "");
    run(&["campaign", "check", "/nowhere.toml"]).expect(2);
    run(&["campaign", "check", FILE, "--zone", "Mars/Olympus"]).expect(2);
}

#[test]
fn applying_twice_changes_nothing_and_another_content_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::sandbox(&folder.path().join("data"));
    let apply = |file: &str, key: &str| {
        finish(koi().env("KOI_KEY", key).args(["campaign", "apply", file, "--server", &server.url]))
    };
    assert!(apply(FILE, "sandbox_wallet").expect(1).err.contains("403 forbidden"));
    assert_eq!(apply(FILE, "sandbox_operator").expect(0).out, "nz-summer-2018: created\n");
    assert_eq!(apply(FILE, "sandbox_operator").expect(0).out, "nz-summer-2018: unchanged\n");
    let other = folder.path().join("other.toml");
    let text = std::fs::read_to_string(FILE).unwrap();
    std::fs::write(&other, text.replace("valid_days = 7", "valid_days = 8").replace("_880", "_881")).unwrap();
    let ran = apply(other.to_str().unwrap(), "sandbox_operator").expect(1);
    assert!(ran.err.contains("with other packets, coupon") || ran.err.contains("coupon, packets"), "{}", ran.err);
    // Comments and the order of keys are no content.
    std::fs::write(&other, format!("# again\n{text}")).unwrap();
    assert_eq!(apply(other.to_str().unwrap(), "sandbox_operator").expect(0).out, "nz-summer-2018: unchanged\n");

    let key = folder.path().join("key");
    std::fs::write(&key, "sandbox_auditor\n").unwrap();
    let mut show = koi();
    show.env("KOI_KEY_FILE", &key).env("KOI_SERVER", &server.url).args(["campaign", "show", "nz-summer-2018"]);
    let shown = finish(&mut show).expect(0).out;
    assert!(shown.starts_with("nz-summer-2018: draft (revision 1)"), "{shown}");
    assert_eq!(finish(show.arg("--json")).expect(0).json()["campaign"]["status"], "draft");
}

#[test]
fn without_a_key_or_a_server_it_says_what_to_do() {
    let ran = run(&["campaign", "show", "x"]).expect(2);
    assert!(ran.err.contains("KOI_KEY"), "{}", ran.err);
    let ran = finish(koi().env("KOI_KEY", "k").args(["campaign", "show", "x", "--server", "http://127.0.0.1:1"]));
    assert!(ran.expect(2).err.contains("no answer from http://127.0.0.1:1"));
}
