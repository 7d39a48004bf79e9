-- A tree of folders and files, and the pieces that the bytes of files are kept in.

create table files (
    id          blob not null primary key,
    org_id      blob not null references orgs (id),
    -- the folder that it is in; null at the top
    parent_id   blob references files (id),
    -- that folder, or the owner at the top: names are unique in it
    place       blob not null,
    -- its own id after those of the folders that it is in: /ID/ID/
    path        text not null,
    -- 0 file | 1 folder
    type        integer not null,
    name        text not null,
    -- the name in small letters
    search      text not null,
    size        integer not null,
    mime        text not null,
    -- SHA-256, hexadecimal; a folder has none
    hash        text,
    uploaded_by blob references users (id),
    -- 1 person | 2 org
    owner_type  integer not null,
    owner_id    blob not null,
    created_at  integer not null,
    updated_at  integer not null,
    constraint files_org_id_place_name_key unique (org_id, place, name)
) strict;
create index files_by_parent on files (parent_id);
create index files_by_path on files (org_id, path);
create index files_by_size on files (org_id, size);

create table file_uploads (
    id          blob not null primary key,
    org_id      blob not null references orgs (id),
    parent_id   blob references files (id) on delete cascade,
    name        text not null,
    mime        text not null,
    size        integer not null,
    -- SHA-256 that it must have, hexadecimal
    hash        text not null,
    uploaded_by blob references users (id),
    owner_type  integer not null,
    owner_id    blob not null,
    -- who began it: nobody else goes on with it
    person      text not null,
    -- how many bytes are stored
    position    integer not null,
    -- the hash as far as that
    hashed      blob not null,
    created_at  integer not null,
    expires_at  integer not null
) strict;
create index file_uploads_by_org on file_uploads (org_id, id);
create index file_uploads_by_parent on file_uploads (parent_id);
create index file_uploads_by_end on file_uploads (expires_at);

-- A piece is here before its bytes are stored, and as long as they may be. What belongs to nothing is swept away.
create table file_pieces (
    id          blob not null primary key,
    org_id      blob not null references orgs (id),
    file_id     blob references files (id) on delete set null,
    upload_id   blob references file_uploads (id) on delete set null,
    position    integer not null,
    size        integer not null,
    -- 0 may be being stored | 1 is stored
    stored      integer not null,
    created_at  integer not null
) strict;
create index file_pieces_by_file on file_pieces (file_id, position);
create index file_pieces_by_upload on file_pieces (upload_id);
create index file_pieces_of_none on file_pieces (stored, created_at) where file_id is null;
