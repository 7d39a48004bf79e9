//! What is known of an instance, by where it is known from: written by hand, imported, or told by the cloud's own metadata
//! service through the agent of the host that it is. What is shown is these three laid over each other, what people wrote on
//! top: no agent ever overwrites it, and what the cloud says otherwise is shown beside it.

use std::collections::BTreeMap;

use muster_base::UnixMs;
use muster_protocol::latest::{CloudFacts, CloudProvider};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::instance::InstanceRecord;

/// Characters of a text that an agent tells.
const MOST_CHARS: usize = 128;
const MOST_TAGS: usize = 50;
const MOST_TAG_CHARS: usize = 256;

/// Where something of an instance is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum InstanceSource {
    /// A person wrote it.
    ByHand,
    /// It came with an import.
    Imported,
    /// The cloud's metadata service said so.
    Metadata,
}

/// A field that people and the cloud say differently; people's is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceDifference {
    /// The field.
    pub field: String,
    /// What the cloud says.
    pub metadata: String,
}

/// What a cloud's metadata service said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) record: InstanceRecord,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
}

/// What people wrote by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ByHand {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instance_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) charge_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expired_time: Option<UnixMs>,
}

/// All that is known of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layers {
    pub(super) by_hand: ByHand,
    pub(super) imported: Option<InstanceRecord>,
    pub(super) metadata: Option<Metadata>,
}

/// The layers as one.
pub(super) struct Laid {
    pub(super) record: InstanceRecord,
    pub(super) sources: BTreeMap<String, InstanceSource>,
    pub(super) differs: Vec<InstanceDifference>,
}

impl Layers {
    /// Whether nobody but a host's cloud ever said anything of it.
    pub(super) fn only_told(&self) -> bool {
        self.imported.is_none() && self.by_hand == ByHand::default()
    }

    /// Lays them over each other. Whose it is and its id there are as the row says.
    pub(super) fn laid(&self, provider: &str, instance_id: &str) -> Result<Laid, serde_json::Error> {
        let metadata = self.metadata.as_ref().map(|told| &told.record);
        let layers = [
            (InstanceSource::ByHand, fields(&self.by_hand)?),
            (InstanceSource::Imported, fields(&self.imported)?),
            (InstanceSource::Metadata, fields(&metadata)?),
        ];
        let mut record = Map::new();
        let mut sources = BTreeMap::new();
        for (source, layer) in &layers {
            for (name, value) in layer {
                if !sources.contains_key(name) {
                    sources.insert(name.clone(), *source);
                    record.insert(name.clone(), value.clone());
                }
            }
        }
        let told = &layers[2].1;
        let differs = told
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "provider" | "instanceId"))
            .filter(|(name, value)| record.get(*name) != Some(*value))
            .map(|(name, value)| InstanceDifference {
                field: name.clone(),
                metadata: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            })
            .collect();
        record.insert("provider".to_owned(), provider.into());
        record.insert("instanceId".to_owned(), instance_id.into());
        Ok(Laid {
            record: serde_json::from_value(Value::Object(record))?,
            sources,
            differs,
        })
    }
}

/// What a layer says: the fields that are not empty.
fn fields(layer: &impl Serialize) -> Result<Map<String, Value>, serde_json::Error> {
    let Value::Object(mut fields) = serde_json::to_value(layer)? else {
        return Ok(Map::new());
    };
    fields.retain(|_, value| !value.is_null() && value != "");
    Ok(fields)
}

impl Metadata {
    /// What an agent told, as far as it can be true; nothing if it names no instance.
    pub(super) fn of(facts: &CloudFacts) -> Option<Self> {
        let address = |text: &str| {
            let parsed = text.parse::<std::net::IpAddr>();
            parsed.map(|ip| ip.to_string()).unwrap_or_default()
        };
        let instance_id = line(&facts.instance_id, MOST_CHARS)?;
        let text = |text: &str| line(text, MOST_CHARS).unwrap_or_default();
        let tags = facts.tags.iter().take(MOST_TAGS).filter_map(|(key, value)| {
            let value = if value.is_empty() {
                String::new()
            } else {
                line(value, MOST_TAG_CHARS)?
            };
            Some((line(key, MOST_CHARS)?, value))
        });
        Some(Self {
            record: InstanceRecord {
                provider: word(facts.provider).to_owned(),
                instance_id,
                instance_name: text(&facts.instance_name),
                hostname: text(&facts.hostname),
                region_id: text(&facts.region_id),
                zone_id: text(&facts.zone_id),
                instance_type: text(&facts.instance_type),
                image_id: text(&facts.image_id),
                inner_ip: address(&facts.inner_ip),
                public_ip: address(&facts.public_ip),
                charge_type: text(&facts.charge_type),
                ..InstanceRecord::default()
            },
            tags: tags.collect(),
        })
    }
}

/// A line that is neither empty nor too long.
fn line(text: &str, most: usize) -> Option<String> {
    let fits = !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

const fn word(provider: CloudProvider) -> &'static str {
    match provider {
        CloudProvider::Aws => "aws",
        CloudProvider::Aliyun => "aliyun",
        CloudProvider::Tencent => "tencent",
        CloudProvider::Gcp => "gcp",
        CloudProvider::Azure => "azure",
    }
}

/// One word for each cloud, whichever of its names people wrote.
pub(super) fn canonical(provider: &str) -> String {
    let plain = provider.trim().to_lowercase();
    let known = match plain.as_str() {
        "amazon" | "ec2" | "amazon ec2" | "amazon web services" => "aws",
        "alibaba" | "alicloud" | "alibabacloud" | "alibaba cloud" | "阿里云" => "aliyun",
        "tencentcloud" | "tencent cloud" | "qcloud" | "腾讯云" => "tencent",
        "google" | "gce" | "google cloud" => "gcp",
        "microsoft" | "microsoft azure" => "azure",
        _ => return plain,
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, public_ip: &str, image_id: &str) -> InstanceRecord {
        InstanceRecord {
            instance_name: name.to_owned(),
            public_ip: public_ip.to_owned(),
            image_id: image_id.to_owned(),
            ..InstanceRecord::default()
        }
    }

    #[test]
    fn what_people_wrote_lies_on_top_and_what_differs_is_told() {
        let layers = Layers {
            by_hand: ByHand {
                instance_name: Some("Shop".to_owned()),
                ..ByHand::default()
            },
            imported: Some(record("shop-old", "203.0.113.1", "")),
            metadata: Some(Metadata {
                record: record("", "203.0.113.2", "ami-1"),
                tags: BTreeMap::new(),
            }),
        };
        let laid = layers.laid("Amazon", "i-1").unwrap();
        assert_eq!(
            (laid.record.provider.as_str(), laid.record.instance_id.as_str()),
            ("Amazon", "i-1")
        );
        let shown = &laid.record;
        assert_eq!(
            *shown,
            InstanceRecord {
                provider: "Amazon".to_owned(),
                instance_id: "i-1".to_owned(),
                ..record("Shop", "203.0.113.1", "ami-1")
            }
        );
        assert_eq!(laid.sources["instanceName"], InstanceSource::ByHand);
        assert_eq!(laid.sources["publicIp"], InstanceSource::Imported);
        assert_eq!(laid.sources["imageId"], InstanceSource::Metadata);
        assert!(!laid.sources.contains_key("regionId"));
        let [only] = laid.differs.as_slice() else {
            panic!("{:?}", laid.differs)
        };
        assert_eq!(
            (only.field.as_str(), only.metadata.as_str()),
            ("publicIp", "203.0.113.2")
        );
    }

    #[test]
    fn a_cloud_has_one_name() {
        for (said, known) in [
            ("AWS", "aws"),
            ("Alibaba Cloud", "aliyun"),
            ("qcloud", "tencent"),
            ("Hetzner", "hetzner"),
        ] {
            assert_eq!(canonical(said), known);
        }
    }

    #[test]
    fn an_agent_is_believed_as_far_as_it_can_be_true() {
        let facts = CloudFacts {
            provider: CloudProvider::Aliyun,
            instance_id: "i-1".to_owned(),
            instance_name: "a\nb".to_owned(),
            hostname: "x".repeat(129),
            region_id: "cn-hangzhou".to_owned(),
            zone_id: String::new(),
            instance_type: String::new(),
            image_id: String::new(),
            inner_ip: "10.0.0.256".to_owned(),
            public_ip: "203.0.113.1".to_owned(),
            charge_type: String::new(),
            tags: vec![
                ("team".to_owned(), "shop".to_owned()),
                (String::new(), "x".to_owned()),
            ],
        };
        let told = Metadata::of(&facts).unwrap();
        assert_eq!(
            (told.record.provider.as_str(), told.record.region_id.as_str()),
            ("aliyun", "cn-hangzhou")
        );
        assert_eq!(
            (told.record.instance_name.as_str(), told.record.hostname.as_str()),
            ("", "")
        );
        assert_eq!(
            (told.record.inner_ip.as_str(), told.record.public_ip.as_str()),
            ("", "203.0.113.1")
        );
        assert_eq!(told.tags.len(), 1);
        let nameless = CloudFacts {
            instance_id: String::new(),
            ..facts
        };
        assert_eq!(Metadata::of(&nameless), None);
    }
}
