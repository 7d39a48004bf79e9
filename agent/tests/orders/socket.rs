//! Workers that somebody else starts for connections to a socket, as systemd does: the resident needs no privileges.

use std::os::fd::OwnedFd;

use muster_agent::orders::workers::Workers;
use muster_protocol::latest::OrderStatus;
use tokio::net::UnixListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    bench::{POLICY, TestHost},
    engine::Place,
};

#[tokio::test]
async fn an_order_goes_through_the_socket() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let path = host.path().join("worker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut command = host.command();
    let accept = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = stream.into_std().unwrap();
            // As systemd hands it over.
            stream.set_nonblocking(false).unwrap();
            let input = OwnedFd::from(stream.try_clone().unwrap());
            command.stdin(input).stdout(OwnedFd::from(stream));
            command.spawn().unwrap().wait().await.unwrap();
        }
    };
    tasks.spawn(stop.clone().run_until_cancelled_owned(accept));

    let resident = host.resident_with(Workers::at_socket(path));
    let said = resident.order(&host.deploy(host.web(&place, "1.0.0"))).await;
    assert_eq!(said.outcome().status, OrderStatus::Done, "{said:#?}");
    assert_eq!(place.served().as_deref(), Some("1.0.0"));
    resident.stop().await;
    stop.cancel();
}
