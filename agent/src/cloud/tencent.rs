//! Tencent Cloud CVM. Its service has a name, `metadata.tencentyun.com`, and always this address: no name is looked up.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use muster_protocol::latest::{CloudFacts, CloudProvider};

use super::{
    address,
    http::{AskError, Service},
    nothing_of, word,
};

pub(super) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 0, 23)), 80);
pub(super) const HOST: &str = "metadata.tencentyun.com";

pub(super) async fn ask(service: &Service) -> Result<CloudFacts, AskError> {
    let leaf = async |name: &str| service.find(&format!("/latest/meta-data/{name}"), &[]).await;
    Ok(CloudFacts {
        instance_id: word(&leaf("instance-id").await?),
        instance_name: word(&leaf("instance-name").await?),
        region_id: word(&leaf("placement/region").await?),
        zone_id: word(&leaf("placement/zone").await?),
        instance_type: word(&leaf("instance/instance-type").await?),
        image_id: word(&leaf("instance/image-id").await?),
        inner_ip: address(&leaf("local-ipv4").await?),
        public_ip: address(&leaf("public-ipv4").await?),
        charge_type: word(&leaf("payment/charge-type").await?),
        ..nothing_of(CloudProvider::Tencent)
    })
}
