//! Google Compute Engine. Leaf by leaf: the whole document would hold the project's attributes, and these hold secrets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use muster_protocol::latest::{CloudFacts, CloudProvider};

use super::{
    address,
    http::{AskError, Service},
    last_part, nothing_of, word,
};

pub(super) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);
pub(super) const HOST: &str = "metadata.google.internal";
const FLAVOR: &str = "Google";
const WITH: [(&str, &str); 1] = [("Metadata-Flavor", FLAVOR)];

pub(super) async fn ask(service: &Service) -> Result<CloudFacts, AskError> {
    let id = service.get("/computeMetadata/v1/instance/id", &WITH).await?;
    if id.flavor != FLAVOR {
        return Err(AskError::NotUnderstood);
    }
    let leaf = async |name: &str| {
        service
            .find(&format!("/computeMetadata/v1/instance/{name}"), &WITH)
            .await
    };
    let zone = last_part(&leaf("zone").await?);
    let region = zone.rsplit_once('-').map_or("", |(region, _)| region);
    let charge_type = match leaf("scheduling/preemptible").await?.trim() {
        "TRUE" => "spot",
        "FALSE" => "on-demand",
        _ => "",
    };
    let network = "network-interfaces/0";
    Ok(CloudFacts {
        instance_id: word(&id.body),
        instance_name: word(&leaf("name").await?),
        hostname: word(&leaf("hostname").await?),
        region_id: region.to_owned(),
        instance_type: last_part(&leaf("machine-type").await?),
        image_id: word(&leaf("image").await?),
        inner_ip: address(&leaf(&format!("{network}/ip")).await?),
        public_ip: address(&leaf(&format!("{network}/access-configs/0/external-ip")).await?),
        charge_type: charge_type.to_owned(),
        zone_id: zone,
        ..nothing_of(CloudProvider::Gcp)
    })
}
