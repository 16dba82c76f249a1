//! The flags of settings, made from the table of settings.

use std::path::Path;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::settings::environment::Environment;
use crate::settings::load::{Settings, Wrong, load};
use crate::settings::table::{Fallback, SETTINGS, Setting};
use crate::settings::{Beacon, Serve};

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Given(Vec<(&'static str, String)>);

impl Given {
    /// The settings, with everything that is wrong with them as one error.
    pub(super) fn load(&self, environment: &Environment) -> anyhow::Result<Settings> {
        self.try_load(environment).map_err(|wrong| anyhow::anyhow!("{}", all(&wrong)))
    }

    /// The settings, or what is wrong with them.
    pub(super) fn try_load(&self, environment: &Environment) -> Result<Settings, Vec<Wrong>> {
        load(&self.0, environment)
    }
}

/// A sandbox in this folder that is the same everywhere: what the environment and a settings file say is for real
/// servers.
pub(super) fn plain_sandbox(data: &Path, listen: String) -> anyhow::Result<Serve> {
    let settings = Given::default().load(&Environment::default())?;
    let settings = settings.serve_in(data).map_err(|why| anyhow::anyhow!(why))?;
    Ok(Serve { listen, sandbox: true, beacon: Beacon::Local, ..settings })
}

/// One thing that is wrong on the line of the error; several below it.
fn all(wrong: &[Wrong]) -> String {
    match wrong {
        [one] => one.to_string(),
        many => many.iter().fold("the settings are wrong:".to_owned(), |text, one| format!("{text}\n  {one}")),
    }
}

fn augment(command: Command, settings: impl Iterator<Item = &'static Setting>) -> Command {
    settings.fold(command, |command, setting| {
        let default = match setting.default {
            Fallback::Text(text) => text.to_owned(),
            Fallback::DataFolder => "the platform's data folder".to_owned(),
            Fallback::Nothing(what) => what.to_owned(),
        };
        let help = format!("{} [default: {default}] [env: {}]", setting.what, setting.variable());
        let arg = Arg::new(setting.name).long(setting.flag()[2..].to_owned()).help(help);
        command.arg(if setting.is_switch() {
            arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("true|false")
        } else {
            arg.value_name(setting.value)
        })
    })
}

fn given(matches: &ArgMatches, settings: impl Iterator<Item = &'static Setting>) -> Given {
    let texts =
        settings.filter_map(|setting| Some((setting.name, matches.get_one::<String>(setting.name)?.clone())));
    Given(texts.collect())
}

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident: $wanted:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(super) struct $name(pub(super) Given);

        impl $name {
            fn settings() -> impl Iterator<Item = &'static Setting> {
                let wanted: fn(&str) -> bool = $wanted;
                SETTINGS.iter().filter(move |setting| wanted(setting.name))
            }
        }

        impl Args for $name {
            fn augment_args(command: Command) -> Command {
                augment(command, Self::settings())
            }

            fn augment_args_for_update(command: Command) -> Command {
                augment(command, Self::settings())
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(given(matches, Self::settings())))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                self.0 = given(matches, Self::settings());
                Ok(())
            }
        }
    )*};
}

flags! {
    /// All of them: for the server, and for those who ask what it would run with.
    ServeFlags: |_| true;
    /// Those of commands that work on what is stored.
    StoredFlags: |name| matches!(name, "config" | "data" | "database");
    /// Those of commands that work on a database.
    DatabaseFlags: |name| matches!(name, "config" | "database");
    /// Those of commands that work on a data folder.
    FolderFlags: |name| matches!(name, "config" | "data");
    /// Those of commands that look for a server on this machine.
    ListenFlags: |name| matches!(name, "config" | "listen");
    /// Those of the check of a campaign.
    WalletFlags: |name| matches!(name, "config" | "wallet_currency");
}
