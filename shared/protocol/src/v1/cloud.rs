//! What a cloud's metadata service says of the machine that it is asked from.

use serde::{Deserialize, Serialize};

/// A cloud whose metadata service agents know how to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CloudProvider {
    /// Amazon EC2.
    Aws,
    /// Alibaba Cloud ECS.
    Aliyun,
    /// Tencent Cloud CVM.
    Tencent,
    /// Google Compute Engine.
    Gcp,
    /// Microsoft Azure virtual machines.
    Azure,
}

/// An instance, as its cloud says. A text that is empty was not told: nothing here is guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudFacts {
    /// Which cloud.
    pub provider: CloudProvider,
    /// The cloud's own id of it.
    pub instance_id: String,
    /// What people call it there.
    pub instance_name: String,
    /// Its host name there.
    pub hostname: String,
    /// The region's id.
    pub region_id: String,
    /// The zone within the region.
    pub zone_id: String,
    /// Size and kind, for instance `ecs.g7.large`.
    pub instance_type: String,
    /// The image that it was made of.
    pub image_id: String,
    /// Address inside.
    pub inner_ip: String,
    /// Address that the world reaches it by.
    pub public_ip: String,
    /// How it is paid, in the cloud's own word.
    pub charge_type: String,
    /// Tags that the service tells without any right, sorted by key.
    pub tags: Vec<(String, String)>,
}
