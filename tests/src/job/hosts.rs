//! Hosts and whether they are there.

use crate::Api;
use crate::wait::{self, Found};
use anyhow::Result;
use serde_json::Value;
use std::time::Duration;

/// Waits until at least `count` hosts are online, and returns them.
pub fn await_online(api: &Api, count: usize, deadline: Duration) -> Result<Vec<Value>> {
    wait::until(&format!("{count} hosts to be online"), deadline, || {
        let hosts = api.list("/api/v1/hosts")?;
        let online: Vec<Value> = hosts
            .iter()
            .filter(|host| host["status"] == "online")
            .cloned()
            .collect();
        Ok(if online.len() >= count {
            Found::Yes(online)
        } else {
            Found::No(Value::from(hosts).to_string())
        })
    })
}
