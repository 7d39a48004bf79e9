//! Who sits, who waits, who has to go.

use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::*;

const LIMITS: Limits = Limits {
    seats: 4,
    each: 2,
    line: 4,
    line_each: 2,
    patience: Duration::from_secs(30),
};
const A_MOMENT: Duration = Duration::from_millis(50);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

async fn take(seats: &Arc<Seats>, text: &str) -> Seat {
    let taken = timeout(A_MOMENT, seats.take(ip(text))).await;
    taken.expect("no seat at once").expect("not heard")
}

/// Waits for a seat, and is in the line when this is done.
async fn wait(seats: &Arc<Seats>, text: &str) -> JoinHandle<Option<Seat>> {
    let (seats, ip) = (seats.clone(), ip(text));
    let waiting = TaskTracker::new().spawn(async move { seats.take(ip).await });
    sleep(A_MOMENT).await;
    waiting
}

/// Sits on a seat and does nothing, for as long as that is borne.
fn idle(seat: Seat) -> JoinHandle<()> {
    TaskTracker::new().spawn(async move {
        let idle = seat.hold(Duration::from_mins(1), std::future::pending::<()>());
        let _done: Option<()> = idle.await;
    })
}

#[tokio::test]
async fn an_address_has_its_share_and_all_have_no_more_than_there_are() {
    let seats = Seats::new(LIMITS);
    let one = take(&seats, "2001:db8::1").await;
    let two = take(&seats, "2001:db8::2").await;
    let third = wait(&seats, "2001:db8::3").await;
    assert!(!third.is_finished(), "a network of one's own is one address");
    let others = (take(&seats, "192.0.2.1").await, take(&seats, "192.0.2.1").await);
    let late = wait(&seats, "192.0.2.2").await;
    assert_eq!(seats.occupied(), 6);
    drop(one);
    let late = late.await.unwrap();
    assert!(late.is_some(), "who has no seat comes before who has one");
    drop(others);
    let third = third.await.unwrap();
    assert!(third.is_some());
    drop((two, late, third));
    assert_eq!(seats.occupied(), 0, "nothing is left of them");
    assert!(seats.lock().taken.is_empty() && seats.lock().lines.is_empty());
}

#[tokio::test]
async fn who_sits_for_long_goes_when_somebody_waits_who_has_less() {
    let seats = Seats::new(LIMITS);
    let began = Instant::now();
    let idle: Vec<_> = [
        take(&seats, "192.0.2.1").await,
        take(&seats, "192.0.2.1").await,
        take(&seats, "192.0.2.2").await,
        take(&seats, "192.0.2.3").await,
    ]
    .map(idle)
    .into();
    let of_one_s_own = wait(&seats, "192.0.2.2").await;
    let late = timeout(GRACE * 2, seats.take(ip("192.0.2.4"))).await.unwrap();
    assert!(late.is_some());
    assert!(began.elapsed() >= GRACE, "nobody goes before that");
    let own = timeout(GRACE, of_one_s_own).await.unwrap().unwrap();
    assert!(own.is_some(), "those of one address make way for each other");
    sleep(LOOK * 2).await;
    assert_eq!(seats.occupied(), 4, "the others are left alone");
    idle.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn a_line_that_is_full_loses_the_longest_s_oldest() {
    let seats = Seats::new(LIMITS);
    let sitting = [
        take(&seats, "192.0.2.1").await,
        take(&seats, "192.0.2.1").await,
        take(&seats, "192.0.2.2").await,
        take(&seats, "192.0.2.2").await,
    ];
    let many = [wait(&seats, "192.0.2.1").await, wait(&seats, "192.0.2.1").await];
    let few = wait(&seats, "192.0.2.2").await;
    let third = wait(&seats, "192.0.2.1").await;
    let [oldest, second] = many;
    assert!(
        oldest.await.unwrap().is_none(),
        "a line of one address has an end"
    );
    let other = wait(&seats, "192.0.2.3").await;
    let late = wait(&seats, "192.0.2.4").await;
    assert!(second.await.unwrap().is_none(), "who comes is heard");
    drop(sitting);
    for heard in [few, third, other, late] {
        assert!(heard.await.unwrap().is_some());
    }
    assert_eq!(seats.occupied(), 0);
}

#[tokio::test]
async fn who_is_not_heard_in_time_leaves_no_place_behind() {
    let limits = Limits {
        patience: A_MOMENT * 4,
        ..LIMITS
    };
    let seats = Seats::new(limits);
    let sitting = (take(&seats, "192.0.2.1").await, take(&seats, "192.0.2.1").await);
    assert!(seats.take(ip("192.0.2.1")).await.is_none());
    let gone = wait(&seats, "192.0.2.1").await;
    assert_eq!(seats.occupied(), 3);
    gone.abort();
    assert!(gone.await.is_err());
    assert_eq!(seats.occupied(), 2);
    drop(sitting);
    assert_eq!(seats.occupied(), 0);
}

#[tokio::test]
async fn whoever_is_done_in_time_is_not_disturbed() {
    let seats = Seats::new(LIMITS);
    let seat = take(&seats, "192.0.2.1").await;
    assert_eq!(seat.hold(A_MOMENT * 4, async { 7 }).await, Some(7));
    let long = sleep(A_MOMENT * 4);
    assert_eq!(seat.hold(A_MOMENT, long).await, None, "there is an end to it");
}
