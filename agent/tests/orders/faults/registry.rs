//! Whatever the registry does, before the pull or in its middle, the old container serves on, untouched.

use std::fs;

use muster_protocol::latest::{DeploySpec, PullAuth};
use muster_workbench::{
    OwnEngine, OwnEngineOptions,
    proxy::{Endpoint, Fault, Proxy},
};

use super::{End, GOOD, LARGE_BYTES, NEXT, deploy_good, done, large, put_back};
use crate::{
    bench::{POLICY, TestHost},
    engine::{self, PASSWORD, Place},
};

/// Room for the images, and no more than a file can fill.
const DATA_MIB: u32 = 96;

struct World {
    host: TestHost,
    place: Place,
    registry: Proxy,
    /// The tag of the large version.
    large: String,
    engine: OwnEngine,
}

struct Case {
    name: &'static str,
    goes_wrong: fn(&World),
    /// The version that is deployed, and what else is different.
    order: fn(&World, &mut DeploySpec),
    password: Option<&'static str>,
    end: End,
}

const CASES: &[Case] = &[
    Case {
        name: "nobody listens at the registry's port",
        goes_wrong: |_| (),
        order: |_, spec| "127.0.0.1:1/muster/web:1.1.0".clone_into(&mut spec.image),
        password: None,
        end: put_back(
            &["pull"],
            &[
                "127.0.0.1:1 can't be reached",
                "check that it runs",
                "nothing was changed",
            ],
        ),
    },
    Case {
        name: "the registry ends every connection",
        goes_wrong: |world| world.registry.die(),
        order: |_, _| (),
        password: None,
        end: put_back(&["pull"], &["can't be reached", "deploy again"]),
    },
    Case {
        name: "the registry accepts connections and says nothing",
        goes_wrong: |world| world.registry.fall_silent(),
        order: |_, _| (),
        password: None,
        end: put_back(&["pull"], &["can't be reached", "check that it runs"]),
    },
    Case {
        name: "the registry dies in the middle of a layer",
        goes_wrong: |world| world.registry.fail_for_good(Fault::AfterBytes(LARGE_BYTES)),
        order: |world, spec| spec.image = world.image(&world.large),
        password: None,
        end: put_back(&["pull"], &["can't be reached", "nothing was changed"]),
    },
    Case {
        name: "the password is wrong",
        goes_wrong: |_| (),
        order: |_, _| (),
        password: Some("not the password"),
        end: put_back(
            &["authenticate", "pull"],
            &[
                "refused the credentials",
                "check the registry's user and password",
            ],
        ),
    },
    Case {
        name: "the registry wants credentials and there are none",
        goes_wrong: |_| (),
        order: |_, spec| spec.pull_auth = PullAuth::None,
        password: None,
        end: put_back(&["authenticate", "pull"], &["refused the credentials"]),
    },
    Case {
        name: "the tag is missing",
        goes_wrong: |_| (),
        order: |world, spec| spec.image = world.image("9.9.9"),
        password: None,
        end: put_back(&["pull"], &["has no image", ":9.9.9", "built and pushed"]),
    },
    Case {
        name: "the digest that was approved is gone",
        goes_wrong: |_| (),
        order: |_, spec| spec.digest = Some(format!("sha256:{}", "ab".repeat(32))),
        password: None,
        end: put_back(&["pull"], &["has no image", ":1.1.0 at sha256:abab"]),
    },
    Case {
        name: "the engine's disk is full",
        goes_wrong: World::fill_the_disk,
        order: |world, spec| spec.image = world.image(&world.large),
        password: None,
        end: put_back(&["pull"], &["there is no room for the image", "docker system df"]),
    },
    Case {
        name: "the registry breaks off once and goes on",
        goes_wrong: |world| world.registry.fail(Fault::AfterBytes(LARGE_BYTES)),
        order: |world, spec| spec.image = world.image(&world.large),
        password: None,
        end: done(large::LARGE),
    },
];

impl World {
    async fn new() -> Self {
        let engine = OwnEngine::start(&OwnEngineOptions {
            data_mib: Some(DATA_MIB),
            download_attempts: Some(2),
        })
        .unwrap();
        let registry: std::net::SocketAddr = std::env::var("MUSTER_TEST_REGISTRY").unwrap().parse().unwrap();
        let registry = Proxy::tcp(Endpoint::Tcp(registry)).unwrap();
        let host = TestHost::new(POLICY).at_engine(engine.host());
        let place = Place::at(engine.host().to_owned());
        deploy_good(&host, &place).await;
        Self {
            large: large::publish(&engine),
            host,
            place,
            registry,
            engine,
        }
    }

    /// A version, by way of the proxy.
    fn image(&self, tag: &str) -> String {
        format!("127.0.0.1:{}/muster/web:{tag}", self.registry.port().unwrap())
    }

    fn filler(&self) -> std::path::PathBuf {
        self.engine.data().join("filler")
    }

    /// All but 2 MiB: the large version does not fit.
    fn fill_the_disk(&self) {
        let mut filler = fs::File::create(self.filler()).unwrap();
        let mib = vec![0; 1 << 20];
        while std::io::Write::write_all(&mut filler, &mib).is_ok() {}
        let full = filler.metadata().unwrap().len();
        filler.set_len(full - (2 << 20)).unwrap();
    }
}

#[tokio::test]
async fn whatever_the_registry_does_the_old_container_serves_on() {
    let world = World::new().await;
    let before = world.place.life();
    for case in CASES {
        world.registry.recover();
        (case.goes_wrong)(&world);
        let mut spec = world.host.web(&world.place, NEXT);
        spec.image = world.image(NEXT);
        (case.order)(&world, &mut spec);
        let password = case
            .password
            .map_or_else(engine::registry_password, str::to_owned);
        let order = world.host.deploy_with(spec, &[(PASSWORD, &password)]);
        let said = world.host.worker(&order).await.all().await;
        case.end.check(case.name, &world.place, &said);
        if case.end.serves == Some(GOOD) {
            let now = world.place.life();
            assert_eq!(now, before, "{}: it was not even restarted", case.name);
        }
        assert!(world.place.is_alone(), "{}", case.name);
        fs::remove_file(world.filler()).ok();
    }
}
