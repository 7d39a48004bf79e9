//! What a handover does beside a deploy: routes to containers, the switch, and the wait for those who are still there.

use std::time::Duration;

use muster_protocol::latest::{HandoverSpec, HandoverTerms};
use tokio::time::{Instant, sleep};

use super::{
    Deploy, Old, StepError,
    plan::{self, Steps},
};
use crate::front::{
    FrontError,
    route::{Mode, Route, RoutePort},
};

/// Nobody is waited for longer, whatever the order says: it holds up the orders behind it.
const MAX_GRACE: Duration = Duration::from_hours(1);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How a service is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handover {
    mode: Mode,
    grace: Duration,
}

impl Handover {
    /// As the order says.
    pub fn of(spec: &HandoverSpec) -> Self {
        Self::by(HandoverTerms {
            http: spec.http,
            grace_ms: spec.grace_ms,
        })
    }

    /// The same of an order that asks for more.
    pub fn by(terms: HandoverTerms) -> Self {
        Self {
            mode: if terms.http { Mode::Http } else { Mode::Tcp },
            grace: Duration::from_millis(terms.grace_ms).min(MAX_GRACE),
        }
    }
}

impl Deploy<'_> {
    pub(super) const fn steps(&self) -> Steps {
        if self.handover.is_some() {
            plan::HANDOVER
        } else {
            plan::RECREATE
        }
    }

    /// The route to a container that is to be made, with loopback ports of its own.
    pub(super) fn new_route(&self) -> Result<Option<Route>, StepError> {
        let Some(handover) = self.handover else {
            return Ok(None);
        };
        // Orders have random ids: two hosts' containers, or two orders', begin to look at different places.
        let salt = u64::try_from(self.order.as_uuid().as_u128() & u128::from(u64::MAX)).unwrap_or_default();
        let mut ports: Vec<RoutePort> = Vec::new();
        for port in &self.spec.container.ports {
            let taken: Vec<u16> = ports.iter().map(|port| port.to).collect();
            ports.push(RoutePort {
                ip: port.host_ip.clone(),
                port: port.host_port,
                to: self.fronts.free_port(salt, &taken)?,
            });
        }
        Ok(Some(Route {
            order: self.order,
            mode: handover.mode,
            ports,
        }))
    }

    /// From here on the new container serves.
    pub(super) async fn switch(&self, old: Option<&Old>, new: &str) -> Result<(), StepError> {
        self.stop_if_cancelled()?;
        let new = self.engine.find(new).await?;
        let new = new.ok_or_else(|| StepError::Unhealthy("somebody removed the new container".to_owned()))?;
        if let Some(old) = old
            && let Some(found) = self.engine.find(&old.id).await?
            && found.route.is_none()
        {
            // It publishes the ports itself, or none: the front can't listen before they are free.
            self.stop_old(Some(old)).await?;
        }
        let name = &self.spec.container.name;
        Ok(self.fronts.point_at(name, new.route.as_ref()).await?)
    }

    /// Whoever served before serves again, or the front lets go of the ports.
    pub(super) async fn point_back(&self) -> Result<(), StepError> {
        let before = match self.old.get().and_then(Option::as_ref) {
            Some(old) => self.engine.find(&old.id).await?,
            None => None,
        };
        let route = before.and_then(|old| old.route);
        let name = &self.spec.container.name;
        Ok(self.fronts.point_at(name, route.as_ref()).await?)
    }

    /// Waits until nobody is with the old container any more, or until the grace time is over, and stops it.
    pub(super) async fn drain(&self, handover: Handover, aside: &str) -> Result<(), StepError> {
        let Some(old) = self.engine.find(aside).await? else {
            return Ok(());
        };
        let give_up = Instant::now() + handover.grace;
        let name = &self.spec.container.name;
        loop {
            let left = self.fronts.before(name).map_err(FrontError::Files)?.unwrap_or(0);
            if left == 0 {
                break;
            }
            if Instant::now() >= give_up {
                let line =
                    format!("{left} connections were still with the old container when its time was over");
                self.events.log(&line).await;
                break;
            }
            sleep(LOOK_AGAIN).await;
        }
        let grace = Duration::from_millis(self.spec.stop_grace_ms).min(MAX_GRACE);
        let signal = self.more.stop_signal.as_deref();
        Ok(self.engine.stop(&old.id, grace, signal).await?)
    }
}
