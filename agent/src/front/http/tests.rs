use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::{super::serve::Serving, *};

/// A server that keeps connections and answers each request with its name, and the request's body, in chunks.
async fn server(name: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    TaskTracker::new().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            TaskTracker::new().spawn(async move {
                let mut inbox = Vec::new();
                loop {
                    let Read::Head(head) = request(&inbox) else {
                        if stream.read_buf(&mut inbox).await.unwrap_or(0) == 0 {
                            return;
                        }
                        continue;
                    };
                    let Body::Length(length) = head.body else { return };
                    let whole = head.bytes + usize::try_from(length).unwrap();
                    while inbox.len() < whole {
                        if stream.read_buf(&mut inbox).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let said = format!("{name}:{}", String::from_utf8_lossy(&inbox[head.bytes..whole]));
                    inbox.drain(..whole);
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{said}\r\n0\r\n\r\n",
                        said.len()
                    );
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn target(address: std::net::SocketAddr) -> Target {
    Target {
        address,
        serving: Arc::new(Serving::default()),
    }
}

/// One request on the connection; the chunk of the answer.
async fn ask_for(client: &mut TcpStream, body: &str) -> String {
    let request = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"0\r\n\r\n") {
        assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "cut off");
    }
    let text = String::from_utf8(answer).unwrap();
    text.split("\r\n").nth(4).unwrap().to_owned()
}

#[tokio::test]
async fn a_kept_connection_s_next_request_goes_to_whoever_serves_then() {
    let (old, new) = (server("old").await, server("new").await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let front = listener.local_addr().unwrap();
    let first = target(old);
    let before = Arc::clone(&first.serving);
    let (switch, present) = watch::channel(first);
    TaskTracker::new().spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        serve(client, present, CancellationToken::new()).await
    });
    let mut client = TcpStream::connect(front).await.unwrap();
    assert_eq!(ask_for(&mut client, "1").await, "old:1");
    assert_eq!(ask_for(&mut client, "2").await, "old:2");
    assert_eq!(Arc::strong_count(&before), 3, "its place, the channel's and ours");
    switch.send_replace(target(new));
    assert_eq!(ask_for(&mut client, "3").await, "new:3");
    assert_eq!(Arc::strong_count(&before), 1, "nobody is with the old one");
}

#[tokio::test]
async fn an_idle_connection_lets_go_of_a_container_that_was_replaced() {
    let old = server("old").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let front = listener.local_addr().unwrap();
    let first = target(old);
    let before = Arc::clone(&first.serving);
    let (switch, present) = watch::channel(first);
    TaskTracker::new().spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        serve(client, present, CancellationToken::new()).await
    });
    let mut client = TcpStream::connect(front).await.unwrap();
    ask_for(&mut client, "1").await;
    switch.send_replace(target(server("new").await));
    let waited = timeout(Duration::from_secs(10), async {
        while Arc::strong_count(&before) > 1 {
            tokio::task::yield_now().await;
        }
    });
    waited.await.unwrap();
    assert_eq!(ask_for(&mut client, "2").await, "new:2");
}
