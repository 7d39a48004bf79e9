-- The catalogue of images, and the words that an org adds to its dictionaries.

create table hub_images (
    id          uuid not null primary key,
    org_id      uuid not null references orgs (id) on delete cascade,
    name        text not null,
    image       text not null,
    registry_id uuid references registries (id),
    url         text,
    source      text not null,
    kind        text not null,
    description text not null,
    how_to_use  text not null,
    versions    text not null, -- JSON: those that somebody wrote down
    status      text not null,
    created_by  text not null,
    created_at  bigint not null,
    updated_at  bigint not null,
    unique (org_id, name)
);

create table image_words (
    org_id uuid not null references orgs (id) on delete cascade,
    kind   text not null,
    code   text not null,
    name   text not null,
    primary key (org_id, kind, code)
);
