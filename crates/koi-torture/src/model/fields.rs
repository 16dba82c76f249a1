//! Reads the members of an answer; one that is missing or of the wrong type breaks the contract.

use anyhow::Result;
use serde_json::Value;

use crate::failure::{broken, excerpt, same};
use crate::moment::Moment;

/// An answer's body, and whose answer it is.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) what: &'a str,
    pub(crate) body: &'a Value,
}

impl Fields<'_> {
    fn missing(&self, path: &str, kind: &str) -> anyhow::Error {
        broken(format!("{} has {path}, {kind}", self.what), excerpt(&self.body.to_string()))
    }

    fn at(&self, path: &str) -> &Value {
        path.split('.').fold(self.body, |value, part| match part.parse::<usize>() {
            Ok(index) => &value[index],
            Err(_) => &value[part],
        })
    }

    pub(crate) fn text(&self, path: &str) -> Result<String> {
        Ok(self.at(path).as_str().ok_or_else(|| self.missing(path, "a text"))?.to_owned())
    }

    pub(crate) fn truth(&self, path: &str) -> Result<bool> {
        self.at(path).as_bool().ok_or_else(|| self.missing(path, "true or false"))
    }

    pub(crate) fn money(&self, path: &str, currency: &str) -> Result<i64> {
        let money = self.at(path);
        if money["currency"] != currency {
            return Err(self.missing(path, &format!("an amount in {currency}")));
        }
        money["value"].as_i64().ok_or_else(|| self.missing(path, "an amount in whole minor units"))
    }

    pub(crate) fn moment(&self, path: &str) -> Result<Moment> {
        let text = self.text(path)?;
        if !text.ends_with('Z') {
            return Err(self.missing(path, "a time in UTC"));
        }
        Moment::parse(&text).map_err(|_| self.missing(path, "a time"))
    }

    /// Checks that a member is exactly this.
    pub(crate) fn must_be(&self, path: &str, promised: &Value) -> Result<()> {
        let found = self.at(path);
        if found == promised {
            return Ok(());
        }
        let promised = format!("{}: {path} is {promised}", self.what);
        Err(broken(promised, format!("{path} is {found} in {}", excerpt(&self.body.to_string()))))
    }

    pub(crate) fn must_be_moment(&self, path: &str, promised: Moment) -> Result<()> {
        let found = self.moment(path)?;
        same(&format!("{}: {path}", self.what), &promised.to_string(), &found.to_string())
    }
}
