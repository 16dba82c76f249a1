//! What is asked of an installation now and then: what it is, and the keys of its API.

use koi_core::time::Time;

use super::session::{Reply, Request};
use super::table::{self, meta};
use super::writer::{Writer, all_cells};
use crate::error::StoreError;
use crate::sqlite::ApiKey;
use crate::{LogSetting, Sequenced, Store};

impl Writer {
    /// The sandbox's clock, as it was left.
    pub fn sandbox_clock(&mut self) -> Result<Option<Time>, StoreError> {
        let replies = self.link().once(&[meta::read()])?;
        replies.first().map_or(Ok(None), meta::sandbox_clock)
    }

    /// What the installation was first served as (`sandbox` or `live`), after settling it if it is new.
    pub fn mode(&mut self, asked: &str) -> Result<String, StoreError> {
        self.settled(meta::MODE, asked)
    }

    /// The wallet currency that the installation was first served with, after settling it if it is new.
    pub fn wallet_currency(&mut self, asked: &str) -> Result<String, StoreError> {
        self.settled(meta::WALLET_CURRENCY, asked)
    }

    fn settled(&mut self, name: &str, asked: &str) -> Result<String, StoreError> {
        let replies = self.link().once(&[meta::settle(name, asked), meta::read()])?;
        let value = replies.get(1).map_or(Ok(None), |reply| meta::value(reply, name))?;
        value
            .map(str::to_owned)
            .ok_or_else(|| StoreError::Damaged(format!("the installation's {name} is not there")))
    }

    /// The latest time that anybody wrote: time is not before that.
    pub fn latest(&mut self) -> Result<Option<Time>, StoreError> {
        let cells = all_cells(self.cells());
        let cells = table::cell::read(&self.link().once(&[Request::with(&table::cell::READ, vec![cells])])?)?;
        Ok(cells.iter().filter_map(|cell| cell.latest).max())
    }

    /// Adds a key of the API.
    pub fn add_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        self.alone(&[table::api_key::add(key)]).map(|_| ())
    }

    /// Remembers when keys were used.
    pub fn keys_used(&mut self, used: &[(String, Time)]) -> Result<(), StoreError> {
        self.alone(&[table::api_key::used(used)]).map(|_| ())
    }

    /// Revokes a key; false when there is none that works under this id.
    pub fn revoke_key(&mut self, id: &str, now: Time) -> Result<bool, StoreError> {
        let replies = self.alone(&[table::api_key::revoke(id, now)])?;
        Ok(replies.first().is_some_and(|reply| reply.count == 1))
    }

    /// What the public log of the installation is, after settling it if it is new.
    pub fn public_log(&mut self, setting: LogSetting, asked: &str) -> Result<String, StoreError> {
        self.settled(setting.name(), asked)
    }

    /// Notes a step of the public log; false if somebody has made the step of this number, or if the one before it is not
    /// there with this root.
    pub fn sequence(&mut self, step: &Sequenced, before: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.write_one(table::sequenced::add(step, before))? == 1)
    }

    /// Writes in a transaction of its own, once: after a lost connection nobody knows whether it is written.
    fn alone(&mut self, requests: &[Request]) -> Result<Vec<Reply>, StoreError> {
        // Finds out whether the connection still works, and makes a new one if not.
        self.link().once(&[Request::of("SELECT 1")])?;
        self.link().run(requests)
    }
}
