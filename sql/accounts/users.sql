-- People with an account, and what proves that they are who they say. The password's hash lives in private.credentials,
-- where no API role can read it; hashing itself is Flask's (argon2id).

create type public.user_role as enum (
  'customer',  -- buys seats
  'staff',     -- works in a theater
  'admin'      -- runs the cinema
);

create table public.users (
  id uuid primary key default gen_random_uuid(),
  email text not null,
  full_name text not null,
  role public.user_role not null default 'customer',
  created_at timestamptz not null default private.now(),
  constraint email_is_unique unique (email),
  constraint email_is_normalized check (email = lower(btrim(email))),
  constraint full_name_is_given check (full_name = btrim(full_name) and char_length(full_name) between 1 and 200)
);

alter table public.users enable row level security;
create policy "people read themselves" on public.users
  for select to authenticated using (id = (select auth.uid()));
create policy "people rename themselves" on public.users
  for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
grant select, update (full_name) on public.users to authenticated;
grant select on public.users to service_role;

-- A name is stored without the spaces around it, whichever way it comes: people rename themselves by a plain update.
-- What is on no keyboard has no place in it: it stands in emails and on lists beside other people's. That is control
-- characters, all kinds of line ends, and what turns the direction of the text after it. Raises invalid_name.
create function private.normalize_full_name() returns trigger
language plpgsql volatile security definer set search_path = '' as $$
begin
  new.full_name := btrim(new.full_name);
  if new.full_name is null or char_length(new.full_name) not between 1 and 200
    or new.full_name ~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]' then
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

create function private.normalize_email(p_email text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select lower(btrim(p_email))
$$;

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
  if v_email is null or char_length(v_email) > 254 or v_email !~ '^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$' then
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

-- What a sign-in needs: {status: 'known', user, password_hash}, {status: 'unknown'}, or {status: 'limited',
-- retry_after} in seconds. The attempt is counted in this very call, before the password is looked at, so parallel
-- guesses count too; open_session clears it. It answers instead of raising, or the count would be rolled back. What is
-- refused is not counted, so that asking again does not prolong the wait. Raises invalid_request.
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
  if not found then
    return jsonb_build_object('status', 'unknown');
  end if;
  select c.password_hash into strict v_hash from private.credentials c where c.user_id = v_user.id;
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
