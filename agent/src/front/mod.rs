//! The front: a small process of its own that stands before services which are handed over without a dropped request
//! (strategy `handover`). `muster-front` runs it; the worker tells it what to do by writing files.
//!
//! # Why a process and not the kernel
//! Redirecting a published port in the kernel (NAT) would need network privileges that the worker does not have, would not
//! reach connections from the host itself, and moves only *new* connections: a client that keeps its connection alive
//! stays with the old container and loses a request when that is stopped. The front knows where an HTTP request ends, so
//! it takes the next one on the same connection to the new container. It is not part of the resident, so that an agent that
//! is restarted, upgraded or killed cuts nothing; it has neither the engine's socket nor any key.
//!
//! # How it is told
//! A **route** ([`route`]) is a file `<container name>.json` in the routes directory, which only root writes: where to
//! listen, and the loopback port where the engine publishes the container that serves now. The worker replaces the file
//! in one step; the front looks several times a second and answers with a **status** file of the same name in the state
//! directory: which order's route it serves, how many connections still are with the containers before, and what keeps
//! it from listening. What the route of a container is stands in the container's label too, so that whoever puts a container
//! back puts its route back ([`Fronts::point_at`]).
//!
//! # A connection's way
//! Accepted → taken to the route's present target. In mode `http` ([`http`]) each request goes to the target of that moment;
//! what is under way ends where it began. In mode `tcp` ([`tcp`]) a connection stays where it began. Connections of earlier
//! targets are counted until they end, and the worker stops the old container when there are none left, or when the
//! grace time is over.
//!
//! # Started by whom
//! By systemd where the packages are installed (`muster-front.path` waits for the first route, also after a boot); else by the
//! worker, in a session of its own. A lock file lets one run at a time. Without routes for a while it ends by itself.
//!
//! # Fails how
//! It can't listen (somebody has the port): the status says so and the deploy is undone. The target does not accept: in
//! mode `http` the client gets a 502, in mode `tcp` the connection is closed. The front dies: whoever started it starts it
//! again; connections are lost, as with every proxy.

mod framing;
pub mod http;
pub mod route;
pub mod serve;
pub mod tcp;
mod worker_side;

pub use worker_side::{FrontError, Fronts};
