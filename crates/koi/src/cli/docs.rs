//! `koi docs`, hidden: the pages of `docs/` that are made from the code. A test compares them with the files.

use std::fmt::Write;

use clap::ValueEnum;

use super::{Ended, Ending, command, terminal};
use crate::settings::table::{CLIENT_VARIABLES, FOREIGN_NAMES, FOREIGN_PREFIXES, Fallback, SETTINGS};

const AFTER_HELP: &str = "\
Example:
  koi docs settings > docs/settings.md

Exit status:
  0  the page was written to standard output
  2  it was called wrongly";

/// The width of help in the documentation, in columns.
const WIDTH: usize = 100;

/// Writes a page of the documentation that is made from the code
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Docs {
    /// The page
    page: Page,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Page {
    Settings,
    CommandLine,
}

impl Docs {
    pub(super) fn run(self) -> Ended {
        terminal::print(&match self.page {
            Page::Settings => settings(),
            Page::CommandLine => command_line(),
        })?;
        Ok(Ending::Well)
    }
}

fn settings() -> String {
    let mut page = "\
# Settings

This page is made from the code by `koi docs settings`; a test fails when they differ.

A setting comes from the command line, else from the environment, else from the settings file, else it has its
default. `koi config show --origin` says what holds and where it came from, `koi config check` says everything that
is wrong. An unknown flag, key of the file or `KOI_*` variable is an error that suggests what may have been meant.

| in the file | command line | environment | default | meaning |
|---|---|---|---|---|
"
    .to_owned();
    for setting in SETTINGS {
        let default = match setting.default {
            Fallback::Text(text) => format!("`{text}`"),
            Fallback::DataFolder => "the platform's data folder".to_owned(),
            Fallback::Nothing(what) => what.to_owned(),
        };
        let key = if setting.in_file { format!("`{}`", setting.name) } else { "–".to_owned() };
        let flag = format!("{} {}", setting.flag(), setting.value);
        let file = if setting.secret { format!(", `{}_FILE`", setting.variable()) } else { String::new() };
        // Writing to a string does not fail.
        let _ = writeln!(
            page,
            "| {key} | `{}` | `{}`{file} | {default} | {} |",
            flag.trim_end(),
            setting.variable(),
            setting.what
        );
    }
    page += "
The platform's data folder is `$XDG_DATA_HOME/koi`, else `~/.local/share/koi`; on macOS
`~/Library/Application Support/koi`. It is never beside the program. Where neither `XDG_DATA_HOME` nor `HOME` is set,
as for a service, `--data` or `KOI_DATA` is needed.

A switch is `true` or `false`; on the command line `--sandbox` alone means `--sandbox=true`. A variable that is set
to nothing counts as not set. A secret may be put into a file that its `…_FILE` variable names.

## Variables of the commands that talk to a server

| variable | meaning |
|---|---|
";
    for variable in CLIENT_VARIABLES {
        let _ = writeln!(page, "| `{}` | {} |", variable.name, variable.what);
    }
    let foreign: Vec<String> = FOREIGN_NAMES
        .iter()
        .map(|name| format!("`{name}`"))
        .chain(FOREIGN_PREFIXES.iter().map(|prefix| format!("`{prefix}*`")))
        .collect();
    let _ = write!(
        page,
        "\nA key is never an argument: arguments can be seen by everybody on the machine.\n{}\n\
         ## Variables of others\n\n\
         These variables are not Koi's settings and are left alone (tests and builds use some, Kubernetes sets the\n\
         others beside a service named `koi`): {}.\nFurther, `NO_COLOR` turns colours and progress bars off.\n",
        sample(),
        foreign.join(", ")
    );
    page
}

/// A settings file with everything that it may hold.
fn sample() -> String {
    let mut text =
        "\n## A settings file\n\nTOML, named by `--config` or `KOI_CONFIG`; everything may be left out.\n\n\
                    ```toml\n"
            .to_owned();
    for setting in SETTINGS.iter().filter(|setting| setting.in_file && setting.name != "database") {
        let bare = setting.is_switch() || setting.example.parse::<i64>().is_ok();
        let value = if bare { setting.example.to_owned() } else { format!("\"{}\"", setting.example) };
        let _ = writeln!(text, "{} = {value}", setting.name);
    }
    text + "```\n"
}

fn command_line() -> String {
    let mut page = "\
# The command line

This page is made from the code by `koi docs command-line`; a test fails when they differ. The same texts are in
`koi --help`, in the manual pages (`koi man DIR`) and behind the completions (`koi completions SHELL`).

Data goes to standard output, talk and progress bars to standard error. `--json` is there wherever there is output.
"
    .to_owned();
    let mut root = command().term_width(WIDTH).disable_version_flag(true);
    root.build();
    write_command(&mut page, &root, "koi", 2);
    page
}

fn write_command(page: &mut String, command: &clap::Command, path: &str, level: usize) {
    let help = command.clone().bin_name(path).term_width(WIDTH).render_long_help().to_string();
    let lines: String = help.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let _ = write!(page, "\n{} `{path}`\n\n```text\n{}\n```\n", "#".repeat(level), lines.trim_end());
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        write_command(page, inner, &format!("{path} {}", inner.get_name()), (level + 1).min(4));
    }
}
