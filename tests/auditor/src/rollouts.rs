//! A rollout: what is said of the whole, of each of its hosts, and of every order that was made for it.

use crate::Database;
use crate::database::Column::{Id, Text};
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;

/// How one host of a rollout is to have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has the new version.
    New,
    /// It could not start the new version, and put back what ran there before.
    PutBack,
    /// It had the new version, and was sent back with the rest.
    SentBack,
    /// It was not asked: the rollout stopped before.
    LeftOut,
    /// It was not asked: the rollout was called off before.
    CalledOff,
    /// It was not there to be asked, and its order was taken back when the rollout was called off.
    Stopped,
}

impl End {
    const fn status(self) -> &'static str {
        match self {
            Self::New => "success",
            Self::PutBack | Self::SentBack => "rolledBack",
            Self::LeftOut => "skipped",
            Self::CalledOff | Self::Stopped => "cancelled",
        }
    }

    /// How its order for the new version ended, if it had one.
    const fn forward(self) -> Option<&'static str> {
        match self {
            Self::New | Self::SentBack => Some("done"),
            Self::PutBack => Some("rolledBack"),
            Self::Stopped => Some("cancelled"),
            Self::LeftOut | Self::CalledOff => None,
        }
    }

    /// How its order for the way back ended, if it had one.
    const fn back(self) -> Option<&'static str> {
        match self {
            Self::SentBack => Some("done"),
            Self::New | Self::PutBack | Self::LeftOut | Self::CalledOff | Self::Stopped => None,
        }
    }
}

/// One work order, as its row says.
struct Order {
    host: String,
    state: String,
    ended: bool,
    sealed: bool,
}

/// Checks a rollout that has ended as `status`, over these hosts: each has the orders that its end takes and no more, and
/// whatever is said of them is so. The ids of the orders that hosts did, with the hosts'.
pub fn audit(
    database: &Database,
    deployment: &str,
    status: &str,
    hosts: &[(String, End)],
) -> Result<BTreeMap<String, String>> {
    let this = database.id(deployment);
    let whole = database.rows(
        &[
            Text("status"),
            Text("prepared"),
            Text("completed_at"),
            Text("error"),
        ],
        &format!("deployments where id = {this}"),
    )?;
    let whole = whole.first().context("the deployment is gone")?;
    ensure!(
        whole[0] == status && matches!(whole[1].as_str(), "1" | "true") && !whole[2].is_empty(),
        "the rollout says {whole:?}, not {status}"
    );
    let mut orders = orders(database, &this)?;
    let rows = database.rows(
        &[
            Id("host_id"),
            Text("status"),
            Id("order_id"),
            Id("back_order_id"),
            Text("back_status"),
            Text("ended_at"),
        ],
        &format!("deployment_hosts where deployment_id = {this}"),
    )?;
    ensure!(
        rows.len() == hosts.len(),
        "the rollout is over {} hosts, not over {}",
        rows.len(),
        hosts.len()
    );
    let mut found = BTreeMap::new();
    for (host, end) in hosts {
        let row = rows.iter().find(|row| row[0] == digits(host));
        let row = row.with_context(|| format!("the rollout is not over {host}"))?;
        let (order, back) = (row[2].as_str(), row[3].as_str());
        ensure!(
            row[1] == end.status() && !row[5].is_empty(),
            "{host} says {row:?}, not {end:?}"
        );
        let back_status = if end.back().is_some() { "success" } else { "" };
        ensure!(row[4] == back_status, "the way back of {host} says {}", row[4]);
        for (id, state) in [(order, end.forward()), (back, end.back())] {
            check_order(&mut orders, (host, id), state)?;
            if state.is_some_and(|state| state != "cancelled") {
                events(database, id, status == "cancelled")?;
                found.insert(id.to_owned(), digits(host));
            }
        }
    }
    ensure!(
        orders.is_empty(),
        "orders of which no host says anything: {:?}",
        orders.keys()
    );
    Ok(found)
}

/// All orders of a deployment, by their ids.
fn orders(database: &Database, deployment: &str) -> Result<BTreeMap<String, Order>> {
    let columns = [
        Id("id"),
        Id("host_id"),
        Text("state"),
        Text("ended_at"),
        Text("sealed"),
    ];
    let rows = database.rows(&columns, &format!("work_orders where subject_id = {deployment}"))?;
    let orders = rows.into_iter().filter_map(|row| {
        let [id, host, state, ended, sealed] = <[String; 5]>::try_from(row).ok()?;
        let order = Order {
            host,
            state,
            ended: !ended.is_empty(),
            sealed: !sealed.is_empty(),
        };
        Some((id, order))
    });
    Ok(orders.collect())
}

/// The host has this order, and it ended so; none if it is to have none.
fn check_order(
    orders: &mut BTreeMap<String, Order>,
    (host, id): (&str, &str),
    state: Option<&str>,
) -> Result<()> {
    let Some(state) = state else {
        ensure!(id.is_empty(), "{host} has the order {id} and should have none");
        return Ok(());
    };
    let order = orders
        .remove(id)
        .with_context(|| format!("{host} has no order that is there: {id}"))?;
    ensure!(
        order.host == digits(host) && order.state == state && order.ended && !order.sealed,
        "the order {id} of {host} is {} of {}, not {state}",
        order.state,
        order.host
    );
    Ok(())
}

/// Its events are numbered without gap or repetition. A host that is asked to stop what it has done says how that ended, and
/// nothing more: where that comes first, there are none.
fn events(database: &Database, order: &str, may_be_none: bool) -> Result<()> {
    let of_order = format!(
        "work_order_events where order_id = {} order by seq",
        database.id(order)
    );
    let rows = database.rows(&[Text("seq")], &of_order)?;
    let found: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    let expected: Vec<String> = (0..found.len()).map(|seq| seq.to_string()).collect();
    ensure!(
        found == expected && (may_be_none || !found.is_empty()),
        "the order {order} has the events {found:?}"
    );
    Ok(())
}

fn digits(id: &str) -> String {
    id.replace('-', "")
}
