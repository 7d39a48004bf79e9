//! What a host's cloud says of it, from the agent's link to the instance.

use muster_protocol::latest::{CloudFacts, CloudProvider};

use super::{Plane, until};
use crate::{db::DbError, with_pool};

async fn instances(plane: &Plane) -> Vec<String> {
    let read = async || -> Result<Vec<String>, DbError> {
        const SQL: &str = "select instance_id from instances where host_id is not null";
        Ok(with_pool!(plane.app.db, |pool| sqlx::query_scalar(SQL)
            .fetch_all(pool)
            .await)?)
    };
    read().await.unwrap()
}

#[tokio::test]
async fn what_the_cloud_says_of_a_host_travels_with_its_session() {
    let plane = Plane::start().await;
    let mut host = plane.joined().await;
    let text = str::to_owned;
    host.cloud = Some(CloudFacts {
        provider: CloudProvider::Tencent,
        instance_id: text("ins-3g445roi"),
        instance_name: text("shop"),
        hostname: String::new(),
        region_id: text("ap-guangzhou"),
        zone_id: text("ap-guangzhou-3"),
        instance_type: String::new(),
        image_id: String::new(),
        inner_ip: text("10.104.13.59"),
        public_ip: String::new(),
        charge_type: text("PREPAID"),
        tags: Vec::new(),
    });
    let running = host.run();
    until("the instance is known", async || {
        instances(&plane).await == ["ins-3g445roi"]
    })
    .await;
    running.stop().await;
    plane.stop().await;
}
