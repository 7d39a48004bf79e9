use muster_protocol::v1::{AgentControl, CloudFacts, CloudProvider};

use crate::{golden, text};

fn facts(provider: CloudProvider) -> CloudFacts {
    CloudFacts {
        provider,
        instance_id: text("i-0abc"),
        instance_name: text("web"),
        hostname: text("web-1"),
        region_id: text("eu-central-1"),
        zone_id: text("eu-central-1a"),
        instance_type: text("t3.large"),
        image_id: text("ami-1"),
        inner_ip: text("10.0.0.7"),
        public_ip: String::new(),
        charge_type: text("spot"),
        tags: vec![(text("Name"), text("web"))],
    }
}

#[test]
fn agent_cloud() {
    use CloudProvider::{Aliyun, Aws, Azure, Gcp, Tencent};
    let messages = [Aws, Aliyun, Tencent, Gcp, Azure].map(|one| AgentControl::Cloud(Box::new(facts(one))));
    golden("agent_cloud", &messages);
}
