//! Streams that the control plane opens.

use muster_agent::link::OrderRequest;
use muster_base::OrderId;
use muster_protocol::latest::{OrderRefusal, OrderReply, SignedOrder};
use tokio::time::timeout;

use super::{PATIENCE, Plane};
use crate::link::LinkError;

fn order() -> SignedOrder {
    SignedOrder {
        body: b"body".to_vec(),
        key_id: [1; 8],
        signature: b"signature".to_vec(),
        payload: vec![7; 200_000],
        sealed: Vec::new(),
    }
}

#[tokio::test]
async fn an_order_reaches_its_host_and_counts_as_stored_once_settled() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let mut running = host.run();
    plane.until_online(host.id).await;

    let mut stream = plane.app.links.open_order(host.id, &order()).await.unwrap();
    let incoming = timeout(PATIENCE, running.orders.recv()).await.unwrap().unwrap();
    let OrderRequest::Run(received) = incoming.request else {
        panic!("not an order")
    };
    assert_eq!(*received, order());
    incoming.replies.send(OrderReply::Accepted).await.unwrap();
    drop(incoming.replies);
    assert_eq!(stream.next().await.unwrap(), Some(OrderReply::Accepted));
    assert_eq!(stream.next().await.unwrap(), None);
    stream.settle().await.unwrap();
    assert!(timeout(PATIENCE, incoming.stored).await.unwrap().is_ok());

    running.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn an_order_whose_stream_is_dropped_does_not_count_as_stored() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let mut running = host.run();
    plane.until_online(host.id).await;

    let mut stream = plane.app.links.open_order(host.id, &order()).await.unwrap();
    let incoming = timeout(PATIENCE, running.orders.recv()).await.unwrap().unwrap();
    incoming
        .replies
        .send(OrderReply::Refused(OrderRefusal::Expired))
        .await
        .unwrap();
    drop(incoming.replies);
    assert!(stream.next().await.unwrap().is_some());
    drop(stream);
    assert!(timeout(PATIENCE, incoming.stored).await.unwrap().is_err());

    running.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn a_cancellation_reaches_the_host() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let mut running = host.run();
    plane.until_online(host.id).await;

    let id: OrderId = plane.clock.new_id();
    let _stream = plane.app.links.cancel_order(host.id, id).await.unwrap();
    let incoming = timeout(PATIENCE, running.orders.recv()).await.unwrap().unwrap();
    assert!(matches!(incoming.request, OrderRequest::Cancel(order) if order == id));

    running.stop().await;
    plane.stop().await;
}

#[tokio::test]
async fn an_order_for_a_host_that_is_not_there_is_an_error_at_once() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let error = plane.app.links.open_order(host.id, &order()).await.unwrap_err();
    assert!(matches!(error, LinkError::Offline(id) if id == host.id));
    plane.stop().await;
}
