-- People with an account, and what proves that they are who they say. The password's hash lives in private.credentials,
-- where no API role can read it; hashing itself is Flask's (argon2id).

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

create table public.users (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  full_name text not null,
  role public.user_role not null default 'customer',
  created_at timestamptz not null default private.now(),
  constraint email_is_unique unique (email),
  constraint email_is_normalized check (email = private.normalize_email(email)),
  constraint email_is_valid check (private.is_email(email)),
  constraint full_name_is_given check (full_name = btrim(full_name) and char_length(full_name) between 1 and 200)
);

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

-- {id, email, full_name, role} of a user.
create function private.user_json(p_user public.users) returns jsonb
language sql immutable set search_path = '' as $$
  select jsonb_build_object('id', (p_user).id, 'email', (p_user).email, 'full_name', (p_user).full_name,
                            'role', (p_user).role)
$$;

-- Opens an account. Answers {id, email, full_name, role}. Raises invalid_email, invalid_name, email_taken.
create function public.register_user(email text, password_hash text, full_name text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_email text := private.normalize_email(register_user.email);
  v_user public.users;
begin
  if not private.is_email(v_email) then
    perform private.raise_api_error('invalid_email');
  end if;
  insert into public.users as u (email, full_name) values (v_email, register_user.full_name)
  on conflict on constraint email_is_unique do nothing
  returning u.* into v_user;
  if v_user.id is null then
    perform private.raise_api_error('email_taken');
  end if;
  insert into private.credentials (user_id, password_hash) values (v_user.id, register_user.password_hash);
  return private.user_json(v_user);
end
$$;

-- What a sign-in needs: {status: 'known', user, password_hash}, {status: 'unknown'}, also for an account that has no
-- password, or {status: 'limited', retry_after} in seconds. The attempt is counted in this very call, before the
-- password is looked at, so parallel guesses count too; open_session clears it. It answers instead of raising, or the
-- count would be rolled back. What is refused is not counted, so that asking again does not prolong the wait. Raises
-- invalid_request.
--
-- An account has a tight limit for each address and a wide one over all: with the tight one alone, many addresses could
-- guess for ever; without it, anybody anywhere could keep its owner out. An address has a limit that successes use up
-- as well, since each sign-in costs a hash.
create function public.begin_sign_in(email text, address text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_email text := left(private.normalize_email(begin_sign_in.email), 254);
  v_settings private.settings;
  v_seconds integer;
  v_user public.users;
  v_hash text;
begin
  if begin_sign_in.address is null then  -- its key would be the one of the whole account
    perform private.raise_api_error('invalid_request');
  end if;
  select * into strict v_settings from private.settings;
  v_seconds := private.check_rate_limit(array[
    row(private.sign_in_key(v_email, begin_sign_in.address), v_settings.sign_in_attempts_per_account_and_address,
        v_settings.sign_in_window),
    row(private.sign_in_key(v_email), v_settings.sign_in_attempts_per_account, v_settings.sign_in_window),
    row('sign_in_from:' || begin_sign_in.address, v_settings.sign_in_attempts_per_address, v_settings.sign_in_window)
  ]::private.rate_limit[], begin_sign_in.address);
  if v_seconds > 0 then
    return jsonb_build_object('status', 'limited', 'retry_after', v_seconds);
  end if;
  select u.* into v_user from public.users u where u.email = v_email;
  select c.password_hash into v_hash from private.credentials c where c.user_id = v_user.id;
  if v_hash is null then
    return jsonb_build_object('status', 'unknown');
  end if;
  return jsonb_build_object('status', 'known', 'user', private.user_json(v_user), 'password_hash', v_hash);
end
$$;

-- The key that sign-ins to an account are counted under, from everywhere or from one address. (An address has no
-- spaces, so that no e-mail address can be chosen to make another's key.)
create function private.sign_in_key(p_email text, p_address text default null) returns text
language sql immutable parallel safe set search_path = '' as $$
  select case when p_address is null then 'sign_in_to:' || p_email
              else 'sign_in_at:' || p_address || ' ' || p_email end
$$;

grant execute on function public.register_user(text, text, text), public.begin_sign_in(text, text) to service_role;
