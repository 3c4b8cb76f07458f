-- People, with an account or as guests, and what proves that they are who they say. The password's hash lives in
-- private.credentials, where no API role can read it; hashing itself is Flask's (argon2id).
--
-- An address belongs to whoever has proved it (email_proofs.sql), one account at the most. Until then anybody may
-- have typed it, so any number of people may stand here with it, and nothing that anybody is answered tells whether
-- somebody else does (docs/adr/0068).

create type public.user_kind as enum (
  'guest',      -- buys without an account (guests.sql)
  'registered'  -- has an account: an address, a name and a password
);

create type public.user_role as enum (
  'customer',  -- buys seats
  'staff',     -- works in a theater
  'admin'      -- runs the cinema
);

-- The form in which an address is stored, looked up and counted: composed (NFC), in lower case, without the spaces
-- around it. Flask has written its domain in ASCII by then (IDNA, backend/email_addresses.py), which SQL cannot.
-- Text that is longer than an address in any form is answered as it is: normalize sorts marks in quadratic time and
-- heeds no statement_timeout, so that one long text would keep a backend busy for minutes.
create function private.normalize_email(p_email text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select case when octet_length(btrim(p_email)) <= 1000 then lower(normalize(btrim(p_email), NFC)) else p_email end
$$;

-- True for an address in that form, and of what mail servers take in an envelope, without quotes and comments: words of
-- letters, digits and signs of atext with a dot between each two; the letters of all scripts, but nothing invisible and
-- nothing that compatibility (NFKC) turns into another, like the @ of full width; then a domain of two labels or more
-- in ASCII, the last of which begins with a letter. backend/email_addresses.py and the page (shared/lib/email.ts) say
-- the same; tests/data/emails.json has examples for all three.
create function private.is_email(p_email text) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(
    octet_length(p_email) <= 254 and octet_length(split_part(p_email, '@', 1)) <= 64
    and p_email = private.normalize_email(p_email) and p_email = normalize(p_email, NFKC)
    and split_part(p_email, '@', 1) ~ (
      '^(?![\u0300-\u036f])' || word || '(\.' || word || ')*$')
    and substr(p_email, strpos(p_email, '@')) ~
      '^@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$'
    and p_email !~ '[@.]([^x.].|x[^n.])--[^@]*$', false)
  from (
    select '[a-z0-9!#$%&''*+/=?^_`{|}~\u00df-\u00f6\u00f8-\u034e\u0350-\u061b\u061d-\u115e\u1161-\u167f\u1681-\u17b3'
      || '\u17b6-\u180a\u1810-\u1fff\u2c00-\u2dff\u3005-\u3007\u3021-\u3029\u3031-\u3163\u3165-\ud7ff'
      || '\U00020000-\U0003fffd-]+') words (word)
$$;

-- True for the tag of a language, alone or with its region (BCP 47): de, en-GB. Which ones there are texts for is for
-- those who write them to know (backend/emails/languages.py): any other falls back.
create function private.is_language(p_language text) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(p_language ~ '^[a-z]{2}(-[A-Z]{2})?$', false)
$$;

create table public.users (
  id uuid primary key default gen_random_uuid(),
  email text,
  full_name text,
  role public.user_role not null default 'customer',
  created_at timestamptz not null default private.now(),
  email_verified_at timestamptz,
  blocked_at timestamptz,
  language text not null default 'en-US',
  forgotten_at timestamptz,
  kind public.user_kind not null default 'registered',
  constraint email_is_normalized check (email = private.normalize_email(email)),
  constraint email_is_valid check (email is null or private.is_email(email)),
  constraint full_name_is_given check (full_name = btrim(full_name) and char_length(full_name) between 1 and 200),
  constraint language_is_a_tag check (private.is_language(language)),
  constraint an_account_has_an_address_and_a_name check (
    kind = 'guest' or email is not null and full_name is not null),
  constraint guests_prove_nothing check (kind = 'registered' or email_verified_at is null)
);
create unique index an_address_has_one_owner on public.users (email) where email_verified_at is not null;
create index users_by_email on public.users (email) where email is not null;
-- Guests who are to be forgotten some day.
create index guests_by_age on public.users (created_at) where kind = 'guest' and forgotten_at is null;

comment on column public.users.email is
  'Where emails go. Of a guest: null until the checkout asks for it, as the name.';
comment on column public.users.email_verified_at is
  'Since when a link that was sent to the address has been opened; null for one that anybody may have typed.';
comment on column public.users.blocked_at is 'Since when the person may neither sign in nor choose seats, or null.';
comment on column public.users.language is 'The language of what is written to them (private.is_language).';
comment on column public.users.forgotten_at is
  'Since when nothing but the id says who this was (leaving.sql). The row stays: what they bought refers to it.';

alter table public.users enable row level security;
create policy "people read themselves" on public.users
  for select to authenticated using (id = (select auth.uid()));
grant select on public.users to service_role;

-- A name as it is stored: composed (NFC), with one space between two words and none around them. What nobody sees is
-- left out, but for the joiners of Persian and of emoji, within a word. Null for what is far too long, which normalize
-- must not see (private.normalize_email): 200 characters have 800 bytes at the most, and more until they are composed.
create function private.normalize_name(p_name text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select case when octet_length(btrim(p_name)) <= 2000 then regexp_replace(
    regexp_replace(
      regexp_replace(
        normalize(btrim(p_name), NFC), '[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060-\u2064\ufeff]', '', 'g'),
      '[\u200c\u200d]*[ \u00a0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]'
        || '[ \u00a0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0\u200c\u200d]*', ' ', 'g'),
    '^[ \u200c\u200d]+|[ \u200c\u200d]+$', '', 'g') end
$$;

-- True for a name in that form that may stand in emails and on lists beside other people's: 1 to 100 characters, marks
-- on them not counted (200 with them), one of which is more than a mark or punctuation. It has no control characters,
-- no line ends, nothing that turns the direction of the text after it or that has no meaning by itself, and no link, by
-- which a stranger could have our emails say something else.
create function private.is_name(p_name text) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(
    char_length(p_name) <= 200
    and char_length(
      regexp_replace(p_name, '[\u0300-\u036f\u1ab0-\u1aff\u200c\u200d\u20d0-\u20ff\ufe00-\ufe0f]', '', 'g'))
      between 1 and 100
    and p_name ~ ('[^\u0001-/:-@\[-`{-\u00bf\u0300-\u036f\u1ab0-\u1aff\u200c\u200d\u2010-\u2027\u2030-\u205e'
      || '\u20d0-\u20ff\ufe00-\ufe0f]')
    and regexp_replace(p_name, '\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f', '', 'g') !~  -- flags of a country's part
      '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2065-\u206f\ue000-\uf8ff\ufff0-\uffff\U000e0000-\U0010ffff]'
    and normalize(p_name, NFKC) !~* '://|(^|[^a-z0-9])www\.|[a-z0-9]\.[a-z]{2,}/', false)
$$;

-- However a name comes, it is stored in one form, or not at all. Raises invalid_name.
create function private.normalize_full_name() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  if new.full_name is null then
    return new;  -- of a guest
  end if;
  new.full_name := private.normalize_name(new.full_name);
  if not private.is_name(new.full_name) then
    perform private.raise_api_error('invalid_name');
  end if;
  return new;
end
$$;
create trigger normalize_full_name before insert or update of full_name on public.users
  for each row execute function private.normalize_full_name();

create table private.credentials (
  user_id uuid primary key references public.users on delete cascade,
  password_hash text not null,
  constraint password_is_hashed_with_argon2id check (password_hash like '$argon2id$%')
);
alter table private.credentials enable row level security;

-- The role of a user, which counts for a proved address alone: who registers with somebody else's address and is then
-- made staff by it would be somebody else.
create function private.proved_role(p_user public.users) returns public.user_role
language sql immutable set search_path = '' as $$
  select case when (p_user).email_verified_at is null then 'customer' else (p_user).role end
$$;

-- {id, kind, email, full_name, role, email_verified} of a user.
create function private.user_json(p_user public.users) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object(
    'id', (p_user).id, 'kind', (p_user).kind, 'email', (p_user).email, 'full_name', (p_user).full_name,
    'role', private.proved_role(p_user),
    'email_verified', (p_user).email_verified_at is not null)
$$;

-- The account that an address leads to: its owner's, or else the latest that anybody opened with it.
create function private.account_of(p_email text) returns public.users
language sql stable set search_path = '' as $$
  select u.* from public.users u
  where u.email = p_email and u.kind = 'registered'
  order by u.email_verified_at is null, u.created_at desc, u.id limit 1
$$;

-- Opens an account, of a guest who is signed in where that is their session, and sends a link that proves its address;
-- to an address that has an owner, an email that says so. Whether it has decides nothing here, so that neither the
-- answer nor its time tells. Answers private.user_json and {opened: false for the account that a guest has opened
-- before, and whose password is to be checked: the answer was lost}. Raises invalid_email, invalid_name.
create function public.register_user(
  email text, password_hash text, full_name text, guest_session_id uuid default null) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_email text := private.normalize_email(register_user.email);
  v_user public.users;
begin
  if not private.is_email(v_email) then
    perform private.raise_api_error('invalid_email');
  elsif register_user.full_name is null then
    perform private.raise_api_error('invalid_name');
  end if;
  select u.* into v_user from public.users u
  where u.id = private.who_registers(register_user.guest_session_id) for no key update;
  if v_user.kind = 'registered' and v_user.email = v_email then
    return private.user_json(v_user) || '{"opened": false}';
  elsif v_user.kind = 'guest' then
    update public.users u set kind = 'registered', email = v_email, full_name = register_user.full_name
    where u.id = v_user.id
    returning u.* into v_user;
    -- Whoever has had a hand on the guest's cookie has no part in the account.
    perform private.end_sessions(v_user.id, 'registered');
  else
    insert into public.users as u (email, full_name) values (v_email, register_user.full_name)
    returning u.* into v_user;
  end if;
  insert into private.credentials (user_id, password_hash) values (v_user.id, register_user.password_hash);
  -- Whoever floods a mailbox by registering is heard, and sends nothing more.
  if private.check_account_mail_limit(v_email) = 0 then
    perform private.enqueue_account_mail('mail_verify_email', v_user.id);
  end if;
  return private.user_json(v_user) || '{"opened": true}';
end
$$;

-- Counts an attempt at the password of an address: 0, or in how many seconds the next may be made. Before the password
-- is looked at, so that parallel guesses count too; open_session clears it. What is refused is not counted, so that
-- asking again does not prolong the wait. Raises invalid_request.
--
-- An account has a tight limit for each address and a wide one over all: with the tight one alone, many addresses could
-- guess for ever; without it, anybody anywhere could keep its owner out. An address has a limit that successes use up
-- as well, since each sign-in costs a hash.
create function private.check_sign_in_limit(p_email text, p_address text) returns integer
language plpgsql volatile set search_path = '' as $$
declare
  v_settings private.settings;
begin
  if p_address is null then  -- its key would be the one of the whole account
    perform private.raise_api_error('invalid_request');
  end if;
  select * into strict v_settings from private.settings;
  return private.check_rate_limit(array[
    row(private.sign_in_key(p_email, p_address), v_settings.sign_in_attempts_per_account_and_address,
        v_settings.sign_in_window),
    row(private.sign_in_key(p_email), v_settings.sign_in_attempts_per_account, v_settings.sign_in_window),
    row('sign_in_from:' || p_address, v_settings.sign_in_attempts_per_address, v_settings.sign_in_window)
  ]::private.rate_limit[], p_address);
end
$$;

-- What a sign-in needs: {status: 'known', accounts: [{user, password_hash}]}, at most the owner's account and the
-- latest that has not proved the address, or {status: 'limited', retry_after} in seconds. Flask compares as
-- many passwords, whatever there is. It answers instead of raising, or the count would be rolled back. Raises
-- invalid_request.
create function public.begin_sign_in(email text, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_email text := left(private.normalize_email(begin_sign_in.email), 254);
  v_seconds integer := private.check_sign_in_limit(v_email, begin_sign_in.address);
begin
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  return jsonb_build_object('status', 'known', 'accounts', (
    select coalesce(jsonb_agg(jsonb_build_object('user', private.user_json(a.known), 'password_hash', c.password_hash)
                              order by a.owns desc), '[]')
    from (select distinct on (u.email_verified_at is not null) u as known, u.email_verified_at is not null as owns
          from public.users u
          where u.email = v_email and u.kind = 'registered'
          order by u.email_verified_at is not null, u.created_at desc, u.id) a
    join private.credentials c on c.user_id = (a.known).id));
end
$$;

-- What the check of a signed-in person's password needs: {status: 'known', password_hash}, {status: 'unknown'} for who
-- has none, or {status: 'limited', retry_after} in seconds. Counted as a sign-in, since it is one more way to guess.
create function public.begin_password_check(user_id uuid, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_email text;
  v_hash text;
  v_seconds integer;
begin
  select u.email, c.password_hash into v_email, v_hash
  from public.users u
  join private.credentials c on c.user_id = u.id
  where u.id = begin_password_check.user_id;
  if not found then  -- a guest; Flask does the same work all the same
    select private.check_rate_limit(array[
      row('sign_in_from:' || begin_password_check.address, c.sign_in_attempts_per_address, c.sign_in_window)
    ]::private.rate_limit[])
    into strict v_seconds from private.settings c where c.singleton;
    return case when v_seconds = 0 then '{"status": "unknown"}'
                else jsonb_build_object('status', 'limited', 'retry_after', v_seconds) end;
  end if;
  v_seconds := private.check_sign_in_limit(v_email, begin_password_check.address);
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  return jsonb_build_object('status', 'known', 'password_hash', v_hash);
end
$$;

-- The key that sign-ins to an account are counted under, from everywhere or from one address. (An address has no
-- spaces, so that no e-mail address can be chosen to make another's key.)
create function private.sign_in_key(p_email text, p_address text default null) returns text
language sql immutable parallel safe set search_path = '' as $$
  select case when p_address is null then 'sign_in_to:' || p_email
              else 'sign_in_at:' || p_address || ' ' || p_email end
$$;

-- Takes back what was counted against an account at this address, after its owner's success there, and nothing that was
-- tried elsewhere: that must not give a guesser new guesses. Nor must the success of an account whose address is not
-- proved: a stranger may have opened it, and would find out by it whether there is an owner.
create function private.clear_sign_in_limit(p_user public.users, p_address text, p_now timestamptz) returns void
language sql volatile set search_path = '' as $$
  select private.clear_rate_limit(
    array[private.sign_in_key((p_user).email), private.sign_in_key((p_user).email, p_address)], p_address, p_now)
  where (p_user).email_verified_at is not null
$$;

grant execute on function
  public.register_user(text, text, text, uuid), public.begin_sign_in(text, text),
  public.begin_password_check(uuid, text)
to service_role;
