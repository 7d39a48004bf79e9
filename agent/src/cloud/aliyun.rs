//! Alibaba Cloud ECS. In its hardened mode it answers with a token only; where the service gives none (older regions), it
//! is asked as before there were tokens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use muster_protocol::latest::{CloudFacts, CloudProvider};

use super::{
    address,
    http::{AskError, Service},
    nothing_of, word,
};

pub(super) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), 80);
pub(super) const HOST: &str = "100.100.100.200";

pub(super) async fn ask(service: &Service) -> Result<CloudFacts, AskError> {
    let lifetime = ("X-aliyun-ecs-metadata-token-ttl-seconds", "60");
    let token = match service.token("/latest/api/token", lifetime).await {
        Ok(token) => Some(token),
        Err(AskError::Status(_)) => None,
        Err(error) => return Err(error),
    };
    let with: Vec<_> = token
        .as_deref()
        .map(|token| ("X-aliyun-ecs-metadata-token", token))
        .into_iter()
        .collect();
    let leaf = async |name: &str| service.find(&format!("/latest/meta-data/{name}"), &with).await;
    let elastic = address(&leaf("eipv4").await?);
    let public = address(&leaf("public-ipv4").await?);
    Ok(CloudFacts {
        instance_id: word(&leaf("instance-id").await?),
        instance_name: word(&leaf("instance/instance-name").await?),
        hostname: word(&leaf("hostname").await?),
        region_id: word(&leaf("region-id").await?),
        zone_id: word(&leaf("zone-id").await?),
        instance_type: word(&leaf("instance/instance-type").await?),
        image_id: word(&leaf("image-id").await?),
        inner_ip: address(&leaf("private-ipv4").await?),
        public_ip: if elastic.is_empty() { public } else { elastic },
        ..nothing_of(CloudProvider::Aliyun)
    })
}
