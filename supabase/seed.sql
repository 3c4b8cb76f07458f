-- The demo catalog: three theaters, their rooms and seats, real films, and showtimes for the fourteen days that begin
-- with the day on which this is loaded. The Supabase CLI runs it after the migrations, as the role postgres.
--
-- Everything happens in one statement, so that it is there whole or not at all, and only where no film exists yet:
-- loading it again changes nothing. Apart from the date it loads the same every time.
--
-- The films are true: who made them, when, how long a common version runs. So is why they may be shown, country by
-- country; a theater shows only what is free where it stands. Theaters, addresses, certificates and prices are made up.

do $seed$
declare
  v_slot record;
  v_film record;
  v_starts_at timestamptz;
  v_ends_at timestamptz;
begin
  if exists (select from public.movies) then
    raise notice 'The catalog is not empty; the demo was left out.';
    return;
  end if;

  -- Films -------------------------------------------------------------------------------------------------------------

  -- Why each is free, as of 2026:
  -- reason   in the United States, where it is not simply that the 95 years are over (published in 1930 or before);
  -- authors  where protection lasts for 70 years after death: who directed and wrote it and died in 1955 or before;
  -- british  an American film by Americans has no longer term in the United Kingdom than at home (CDPA 1988, 13B(7)).
  create temporary table demo_films on commit drop as
  select * from (values
    ('a-trip-to-the-moon', 'A Trip to the Moon', 'Le Voyage dans la Lune', 1902, 14, 'U', 'zxx',
     array['Georges Méliès'], array['Georges Méliès', 'Bleuette Bernon', 'Henri Delannoy'],
     array['science fiction', 'fantasy', 'short'],
     'Six astronomers in pointed hats have themselves fired from a cannon and land in the eye of the Moon. What lives '
     'up there does not care for visitors, and the way home is straight down.',
     null, 'Georges Méliès 1938', false),

    ('the-great-train-robbery', 'The Great Train Robbery', null, 1903, 12, 'PG', 'zxx',
     array['Edwin S. Porter'], array['Gilbert M. Anderson', 'A. C. Abadie', 'Justus D. Barnes'],
     array['western', 'short'],
     'Four bandits stop a train, empty its strongbox and make for the hills with a posse behind them. Twelve minutes '
     'in which the western finds its horse, and one last shot that is aimed at you.',
     null, 'Edwin S. Porter 1941', false),

    ('suspense', 'Suspense', null, 1913, 10, 'PG', 'zxx',
     array['Lois Weber', 'Phillips Smalley'], array['Lois Weber', 'Val Paul', 'Douglas Gerrard', 'Sam Kaufman'],
     array['thriller', 'short'],
     'A young mother is alone in a lonely house, a stranger is at the back door, and her husband is a long drive away. '
     'Lois Weber splits the screen in three and lets nobody breathe until the car arrives.',
     null, 'Lois Weber 1939, Phillips Smalley 1939', false),

    ('the-student-of-prague', 'The Student of Prague', 'Der Student von Prag', 1913, 85, '12', 'zxx',
     array['Stellan Rye'], array['Paul Wegener', 'John Gottowt', 'Grete Berger', 'Lyda Salmonova'],
     array['horror', 'drama'],
     'A penniless student sells an old gentleman whatever he can find in his room, and the old gentleman takes the '
     'reflection out of the mirror. From then on it walks the streets of Prague and is always there first.',
     null, 'Stellan Rye 1914, Hanns Heinz Ewers 1943', false),

    ('gertie-the-dinosaur', 'Gertie the Dinosaur', null, 1914, 12, 'U', 'zxx',
     array['Winsor McCay'], array['Winsor McCay', 'George McManus'],
     array['animation', 'comedy', 'family', 'short'],
     'A cartoonist bets his friends a dinner that he can make a dinosaur move. Several thousand drawings later Gertie '
     'comes out of her cave, bows, dances, sulks, and drinks a lake.',
     null, 'Winsor McCay 1934', false),

    ('the-oyster-princess', 'The Oyster Princess', 'Die Austernprinzessin', 1919, 60, 'PG', 'zxx',
     array['Ernst Lubitsch'], array['Ossi Oswalda', 'Victor Janson', 'Harry Liedtke', 'Julius Falkenstein'],
     array['comedy'],
     'The oyster king''s daughter wants a prince by tonight, and the matchmaker has one left who is out of money. A '
     'foxtrot breaks out at the wedding, and by morning nobody is sure who was married.',
     null, 'Ernst Lubitsch 1947, Hanns Kräly 1950', false),

    ('the-doll', 'The Doll', 'Die Puppe', 1919, 66, 'PG', 'zxx',
     array['Ernst Lubitsch'], array['Ossi Oswalda', 'Hermann Thimig', 'Victor Janson', 'Max Kronert'],
     array['comedy', 'fantasy'],
     'A young man who is afraid of women is told to marry one, and orders a clockwork bride instead. He does not know '
     'that the workshop has broken it and that the toymaker''s daughter is standing in.',
     null, 'Ernst Lubitsch 1947, Hanns Kräly 1950', false),

    ('the-cabinet-of-dr-caligari', 'The Cabinet of Dr. Caligari', 'Das Cabinet des Dr. Caligari', 1920, 77, '12', 'zxx',
     array['Robert Wiene'], array['Werner Krauss', 'Conrad Veidt', 'Friedrich Feher', 'Lil Dagover'],
     array['horror'],
     'At the fair a showman opens a box, and the sleeper inside tells you when you will die. The houses lean, the '
     'shadows are painted on, and the man who tells the story may be the last one to trust.',
     null, 'Robert Wiene 1938, Carl Mayer 1944, Hans Janowitz 1954', false),

    ('within-our-gates', 'Within Our Gates', null, 1920, 79, '15', 'zxx',
     array['Oscar Micheaux'], array['Evelyn Preer', 'Flo Clements', 'James D. Ruffin', 'Charles D. Lucas'],
     array['drama'],
     'A teacher goes north to find the money that will keep a school for Black children open, and carries with her '
     'what was done to her family. Oscar Micheaux shows lynching for what it is, when hardly anyone dared.',
     null, 'Oscar Micheaux 1951', false),

    ('seven-years-bad-luck', 'Seven Years Bad Luck', null, 1921, 62, 'U', 'zxx',
     array['Max Linder'], array['Max Linder', 'Alta Allen', 'Ralph McCullough', 'Betty Peterson'],
     array['comedy'],
     'Max breaks a mirror and resolves to be very careful from now on. Being careful costs him his fiancée, his '
     'luggage and his ticket, and ends in a cage with a lion.',
     null, 'Max Linder 1925', false),

    ('nosferatu', 'Nosferatu', 'Nosferatu – Eine Symphonie des Grauens', 1922, 94, '12', 'zxx',
     array['F. W. Murnau'], array['Max Schreck', 'Gustav von Wangenheim', 'Greta Schröder', 'Alexander Granach'],
     array['horror'],
     'A clerk rides into the mountains to sell a count the empty house across the street from his own. The count '
     'travels by night with his boxes of earth, and wherever the ship lands the rats come ashore.',
     null, 'F. W. Murnau 1931, Henrik Galeen 1949', false),

    ('the-last-laugh', 'The Last Laugh', 'Der letzte Mann', 1924, 90, 'PG', 'zxx',
     array['F. W. Murnau'], array['Emil Jannings', 'Maly Delschaft', 'Max Hiller'],
     array['drama'],
     'The doorman of a grand hotel is told that he is too old and loses the coat that made him somebody. Murnau needs '
     'almost no words for it: the camera goes through the revolving door and sees with the old man''s eyes.',
     null, 'F. W. Murnau 1931, Carl Mayer 1944', false),

    ('waxworks', 'Waxworks', 'Das Wachsfigurenkabinett', 1924, 81, '12', 'zxx',
     array['Paul Leni'], array['Emil Jannings', 'Conrad Veidt', 'Werner Krauss', 'Wilhelm Dieterle'],
     array['horror', 'fantasy'],
     'A poet is hired to invent stories for the wax figures in a fairground tent: a caliph, a tsar, and a killer with '
     'a knife. He falls asleep over the third, and the figure steps down.',
     null, 'Paul Leni 1929, Henrik Galeen 1949', false),

    ('faust', 'Faust', 'Faust – Eine deutsche Volkssage', 1926, 106, '12', 'zxx',
     array['F. W. Murnau'], array['Gösta Ekman', 'Emil Jannings', 'Camilla Horn', 'Yvette Guilbert'],
     array['fantasy', 'drama'],
     'The devil wagers that he can have one good man''s soul, and spreads his cloak and the plague over a sleeping '
     'town. The old scholar signs to save the sick, then for his youth, and then there is Gretchen.',
     null, 'F. W. Murnau 1931, Hans Kyser 1940', false),

    ('mother', 'Mother', 'Мать', 1926, 89, '12', 'zxx',
     array['Vsevolod Pudovkin'], array['Vera Baranovskaya', 'Nikolai Batalov', 'Aleksandr Chistyakov'],
     array['drama', 'history'],
     'Russia, 1905: a mother means to protect her son and hands the police what they need to convict him. As the ice '
     'on the river breaks up, so does everything she has been told to believe.',
     null, 'Vsevolod Pudovkin 1953, Nathan Zarkhi 1935', false),

    ('the-seashell-and-the-clergyman', 'The Seashell and the Clergyman', 'La Coquille et le Clergyman', 1928, 41, '12',
     'zxx',
     array['Germaine Dulac'], array['Alex Allin', 'Génica Athanasiou', 'Lucien Bataille'],
     array['fantasy'],
     'A clergyman crawls through a city after a woman whom he cannot have and a general whom he cannot shake off. '
     'Germaine Dulac films a dream from the inside, and lets it keep its own logic.',
     null, 'Germaine Dulac 1942, Antonin Artaud 1948', false),

    ('man-with-a-movie-camera', 'Man with a Movie Camera', 'Человек с киноаппаратом', 1929, 68, 'PG', 'zxx',
     array['Dziga Vertov'], array['Mikhail Kaufman'],
     array['documentary'],
     'One man carries his camera through the day of a city, up chimneys and under trains, from the first tram to the '
     'last drink. In the cutting room the pictures learn to dance, and the film shows you how.',
     null, 'Dziga Vertov 1954', false),

    -- From here on free in the United States; the last column says whether in the United Kingdom too.

    ('the-kid', 'The Kid', null, 1921, 68, 'U', 'zxx',
     array['Charles Chaplin'], array['Charles Chaplin', 'Jackie Coogan', 'Edna Purviance'],
     array['comedy', 'drama', 'family'],
     'The Tramp finds a baby beside a dustbin and, after some hesitation, keeps him. Five years on they run a fine '
     'business, one breaking windows and the other mending them, until the authorities hear of the child.',
     null, null, false),

    ('safety-last', 'Safety Last!', null, 1923, 74, 'U', 'zxx',
     array['Fred C. Newmeyer', 'Sam Taylor'], array['Harold Lloyd', 'Mildred Davis', 'Bill Strother', 'Noah Young'],
     array['comedy'],
     'A shop assistant has written home how well he is doing, and now his girl comes to see for herself. He has '
     'promised the store a man who climbs its front, and has to be that man, past every floor and the clock.',
     null, null, true),

    ('sherlock-jr', 'Sherlock Jr.', null, 1924, 45, 'U', 'zxx',
     array['Buster Keaton'], array['Buster Keaton', 'Kathryn McGuire', 'Joe Keaton', 'Ward Crane'],
     array['comedy'],
     'A projectionist accused of stealing a watch falls asleep at his machine and walks into the film. There he is the '
     'world''s greatest detective, whenever the scenery holds still.',
     null, null, true),

    ('the-phantom-of-the-opera', 'The Phantom of the Opera', null, 1925, 93, 'PG', 'zxx',
     array['Rupert Julian'], array['Lon Chaney', 'Mary Philbin', 'Norman Kerry', 'Arthur Edmund Carewe'],
     array['horror'],
     'A voice behind the dressing-room mirror teaches a young singer and asks for very little, at first. Under the '
     'Paris Opera lies a lake, beyond it lives the teacher, and he must never be seen without his mask.',
     null, null, false),

    ('the-gold-rush', 'The Gold Rush', null, 1925, 95, 'U', 'zxx',
     array['Charles Chaplin'], array['Charles Chaplin', 'Georgia Hale', 'Mack Swain', 'Tom Murray'],
     array['comedy', 'family'],
     'In a hut at the end of the world a hungry prospector cooks his boot and serves it like a roast. There is gold in '
     'the hills and a girl in the dance hall, and both are hard to hold on to.',
     null, null, false),

    ('the-adventures-of-prince-achmed', 'The Adventures of Prince Achmed', 'Die Abenteuer des Prinzen Achmed', 1926, 65,
     'PG', 'zxx',
     array['Lotte Reiniger'], array[]::text[],
     array['animation', 'fantasy', 'family'],
     'A flying horse carries a prince to islands, demons, and a queen who comes to her lake in the feathers of a bird. '
     'Lotte Reiniger cut the figures from black card with scissors and moved them by hand, frame after frame.',
     null, null, false),

    ('the-general', 'The General', null, 1926, 78, 'U', 'zxx',
     array['Buster Keaton', 'Clyde Bruckman'], array['Buster Keaton', 'Marion Mack', 'Glen Cavender'],
     array['comedy', 'action'],
     'An engine driver has two loves, and on one day spies make off with both. He goes after them on rails, alone, '
     'with whatever lies beside the track, and everything that falls, burns or collapses is real.',
     null, null, false),

    ('metropolis', 'Metropolis', null, 1927, 148, '12', 'zxx',
     array['Fritz Lang'], array['Brigitte Helm', 'Gustav Fröhlich', 'Alfred Abel', 'Rudolf Klein-Rogge'],
     array['science fiction', 'drama'],
     'Above, the sons of the rich race in the sun; below, their fathers'' machines eat the men who serve them. An '
     'inventor gives his robot the face of the woman whom the workers trust.',
     null, null, false),

    ('sunrise', 'Sunrise', 'Sunrise: A Song of Two Humans', 1927, 94, 'PG', 'zxx',
     array['F. W. Murnau'], array['George O''Brien', 'Janet Gaynor', 'Margaret Livingston'],
     array['drama', 'romance'],
     'A farmer rows his wife across the lake with the intention of coming back alone. They reach the city instead, and '
     'in one long day among its lights find out whether there is anything left to save.',
     null, null, false),

    ('the-passion-of-joan-of-arc', 'The Passion of Joan of Arc', 'La Passion de Jeanne d''Arc', 1928, 82, '12', 'zxx',
     array['Carl Theodor Dreyer'],
     array['Renée Jeanne Falconetti', 'Eugène Silvain', 'Antonin Artaud', 'Michel Simon'],
     array['drama', 'history'],
     'The questions come from above, and the answers from a face that fills the screen. Dreyer takes the words from '
     'the record of the trial and almost everything else from Falconetti''s eyes.',
     null, null, false),

    ('the-blue-angel', 'The Blue Angel', 'Der blaue Engel', 1930, 108, '12', 'de',
     array['Josef von Sternberg'], array['Emil Jannings', 'Marlene Dietrich', 'Kurt Gerron', 'Hans Albers'],
     array['drama', 'music'],
     'A schoolmaster goes to a night club to catch his pupils there and stays for the singer. He gives up his desk, '
     'his name and in the end his pride, while she falls in love again as the song says.',
     null, null, false),

    ('under-the-roofs-of-paris', 'Under the Roofs of Paris', 'Sous les toits de Paris', 1930, 92, 'PG', 'fr',
     array['René Clair'], array['Albert Préjean', 'Pola Illéry', 'Edmond T. Gréville', 'Gaston Modot'],
     array['music', 'romance'],
     'A street singer teaches the whole courtyard his song, and his best friend and a crook have an eye on the same '
     'girl as he. One of the first French talkies, and still happiest when it shuts a window and lets you watch.',
     null, null, false),

    ('my-man-godfrey', 'My Man Godfrey', null, 1936, 94, 'U', 'en',
     array['Gregory La Cava'], array['William Powell', 'Carole Lombard', 'Alice Brady', 'Gail Patrick'],
     array['comedy', 'romance'],
     'In a scavenger hunt for the rich the last item is a forgotten man, and Irene finds hers beside the East River. '
     'She makes him the butler, a post that nobody keeps for long, and he proves to be the only grown-up in the house.',
     'published in 1936, and its copyright was not renewed.', null, false),

    ('gullivers-travels', 'Gulliver''s Travels', null, 1939, 76, 'U', 'en',
     array['Dave Fleischer'], array['Sam Parker', 'Pinto Colvig', 'Jessica Dragonette', 'Lanny Ross'],
     array['animation', 'family', 'fantasy'],
     'Two kings go to war over which song is to be sung at their children''s wedding, and a giant is washed up on the '
     'beach between them. He is in no hurry, he can hum both tunes, and all he wants is a ship home.',
     'published in 1939, and its copyright was not renewed.', null, false),

    ('his-girl-friday', 'His Girl Friday', null, 1940, 92, 'PG', 'en',
     array['Howard Hawks'], array['Cary Grant', 'Rosalind Russell', 'Ralph Bellamy', 'Gene Lockhart'],
     array['comedy', 'romance'],
     'The best reporter in town means to marry an insurance man on the next train, and her editor, who is also her '
     'former husband, has one last story for her. Everybody talks at once, and every word lands.',
     'published in 1940, and its copyright was not renewed.', null, true),

    ('meet-john-doe', 'Meet John Doe', null, 1941, 122, 'PG', 'en',
     array['Frank Capra'], array['Gary Cooper', 'Barbara Stanwyck', 'Edward Arnold', 'Walter Brennan'],
     array['drama', 'comedy'],
     'A columnist about to be fired invents a man who will jump off the city hall in protest, and the paper has to '
     'hire one. The country takes him at his word, and the man who pays for it has plans of his own.',
     'published in 1941, and its copyright was not renewed.', null, true),

    ('detour', 'Detour', null, 1945, 69, '12', 'en',
     array['Edgar G. Ulmer'], array['Tom Neal', 'Ann Savage', 'Claudia Drake', 'Edmund MacDonald'],
     array['film noir', 'crime'],
     'A pianist hitches west to his girl, and the man who gives him a lift dies on the way. He takes the car, the '
     'wallet and the name, and then offers a ride to the one woman who knows that they are not his.',
     'published in 1945, and its copyright was not renewed.', null, false),

    ('the-hitch-hiker', 'The Hitch-Hiker', null, 1953, 71, '15', 'en',
     array['Ida Lupino'], array['Edmond O''Brien', 'Frank Lovejoy', 'William Talman'],
     array['film noir', 'thriller'],
     'Two friends on a fishing trip pick up a stranger with a gun and an eye that never closes, not even when he '
     'sleeps. Ida Lupino keeps all three in one car, across a desert where there is nowhere to hide.',
     'published in 1953, and its copyright was not renewed.', null, false),

    ('carnival-of-souls', 'Carnival of Souls', null, 1962, 78, '15', 'en',
     array['Herk Harvey'], array['Candace Hilligoss', 'Frances Feist', 'Sidney Berger', 'Art Ellison'],
     array['horror'],
     'A church organist walks out of the river that has swallowed her car and drives on to her new post as if nothing '
     'had happened. A pale man keeps smiling at her from windows, and the empty pavilion by the lake plays her tune.',
     'published in 1962 without the notice of copyright that the law then required.', null, true),

    ('charade', 'Charade', null, 1963, 113, 'PG', 'en',
     array['Stanley Donen'], array['Cary Grant', 'Audrey Hepburn', 'Walter Matthau', 'James Coburn'],
     array['comedy', 'thriller', 'romance'],
     'Her husband is dead, his money is missing, and three men at the funeral want to be sure of the former and have '
     'the latter. A charming stranger offers to help, under a new name every time she finds him out.',
     'published in 1963 without a valid notice of copyright, which the law then required.', null, true),

    ('night-of-the-living-dead', 'Night of the Living Dead', null, 1968, 96, '18', 'en',
     array['George A. Romero'], array['Duane Jones', 'Judith O''Dea', 'Karl Hardman', 'Marilyn Eastman'],
     array['horror'],
     'Seven people board up a farmhouse against the dead, who have got up and are hungry. They cannot agree on the '
     'cellar, the night is long, and what comes in the morning is worse.',
     'published in 1968 without the notice of copyright that the law then required.', null, true)
  ) as film (slug, title, original_title, release_year, length_minutes, certificate, language, directors, cast_members,
             genres, synopsis, reason, authors, british);

  insert into public.movies (slug, title, original_title, release_year, directors, cast_members, genres, language,
                             certificate, length_minutes, synopsis, rights)
  select film.slug, film.title, film.original_title, film.release_year, film.directors, film.cast_members, film.genres,
         film.language, film.certificate::public.certificate, film.length_minutes, film.synopsis,
         concat_ws(' ',
           'United States: ' || coalesce(
             film.reason, format('published in %s, and the term of 95 years has ended.', film.release_year)),
           'Austria and United Kingdom: 70 years have passed since its authors died (' || film.authors || ').',
           case when film.british
             then 'United Kingdom: an American film by Americans is protected no longer than at home.' end)
  from demo_films as film;

  -- Theaters ----------------------------------------------------------------------------------------------------------

  insert into public.theaters (slug, name, city, country, address, time_zone, currency) values
    ('morgenstern-vienna', 'Morgenstern Lichtspiele', 'Vienna', 'AT', 'Lindenbogengasse 14, 1070 Wien',
     'Europe/Vienna', 'EUR'),
    ('lantern-london', 'The Lantern Picture House', 'London', 'GB', '27 Tallow Row, London SE1',
     'Europe/London', 'GBP'),
    ('halcyon-new-york', 'The Halcyon', 'New York', 'US', '418 Orchard Terrace, New York, NY 10002',
     'America/New_York', 'USD');

  -- Auditoriums and seats ---------------------------------------------------------------------------------------------

  -- Each room is drawn as it is seen facing the screen, which is above. One letter is one seat:
  --   s standard, p premium, w wheelchair, c companion, l half of a love seat;
  --   . is a seat's width of floor, such as an aisle, and , half of that. An empty line is an aisle across.
  -- Every row is centred on the room's axis (floor at its end moves it aside); blanks around it please the eye only.
  --
  -- pitch   from one row to the next, in seat widths
  -- bow     how far the ends of a row come forward, as an arc
  -- flat    how far from the axis a row runs straight before its wings turn to the screen, by `turn` for each seat
  -- daily, weekend   when films start on every day, and besides on Saturdays and Sundays
  create temporary table demo_rooms on commit drop as
  select * from (values
    -- 330 seats in an arc, two aisles, love seats at the back.
    ('morgenstern-vienna', 'Großer Saal', 1.25, 3.0, 0.0, 0.0,
     '{14:30, 16:45, 19:00, 21:30}', '{12:00}', $room$
          sssss.ssssssssssss.sssss
         ssssss.sssssssssss.ssssss
         ssssss.ssssssssssss.ssssss
        sssssss.sssssssssss.sssssss
        sssssss.ssssssssssss.sssssss

        wcwcsss.ppppppppppp.ssscwcw
        sssssss.pppppppppppp.sssssss
       ssssssss.ppppppppppp.ssssssss
       ssssssss.pppppppppppp.ssssssss
       ssssssss.sssssssssss.ssssssss
       ssssssss.ssssssssssss.ssssssss
       ssssssss.sssssssssss.ssssssss
       ll,ll,ll,.ll,ll,ll,ll,ll.,ll,ll,ll
     $room$),

    -- An amphitheater: one block that opens like a fan, with the aisles along the walls.
    ('morgenstern-vienna', 'Kleiner Saal', 1.25, 2.5, 0.0, 0.0,
     '{14:45, 15:45, 17:45, 19:45, 22:00}', '{13:00}', $room$
             sssssss
            ssssssss
           ssssssssss
          sssssssssss
          ssssssssssss
         ppppppppppppp
         pppppppppppppp
        wc.sssssssss.cw
        ll,ll,ll,ll,ll,ll
     $room$),

    -- Armchairs in twos with a small table between, and room for one's legs.
    ('morgenstern-vienna', 'Salon', 1.7, 0.0, 0.0, 0.0,
     '{16:00, 17:15, 19:15, 21:15}', '{14:00}', $room$
          ss.ss.ss
         ss.ss.ss.ss
         pp.pp.pp.pp
         pp.pp.pp.pp
         wc.ss.ss.cw
          ll.ll.ll
     $room$),

    -- A straight middle with wings that turn to the screen.
    ('lantern-london', 'Screen One', 1.25, 0.0, 6.0, 0.4,
     '{12:45, 15:15, 17:45, 20:30}', '{10:30}', $room$
         ssss.ssssssssssss.ssss
        sssss.ssssssssssss.sssss
        sssss.ssssssssssss.sssss
       ssssss.ssssssssssss.ssssss
       ssssss.ssssssssssss.ssssss

       sswcwc.pppppppppppp.cwcwss
       ssssss.pppppppppppp.ssssss
       ssssss.pppppppppppp.ssssss
       ssssss.ssssssssssss.ssssss
       ssssss.ssssssssssss.ssssss
       ll..ll.ll,ll,ll,ll,ll.ll..ll
     $room$),

    -- Narrow, its only aisle left of the middle, each row half a seat aside of the one before. The door is in front.
    ('lantern-london', 'Screen Two', 1.2, 0.0, 0.0, 0.0,
     '{12:00, 13:00, 15:00, 16:30, 18:30, 21:00}', '{}', $room$
       .wc..sssssss
       sss.sssssss.
       .sss.sssssss
       sss.sssssss.
       .sss.ppppppp
       sss.ppppppp.
       .sss.ppppppp
       sss.sssssss.
       .sss.sssssss
       sss.sssssss.
       .ll..ll,ll,ll
     $room$),

    -- The largest: a wide fan whose aisles run outward, 397 seats.
    ('halcyon-new-york', 'The Grand', 1.25, 4.0, 0.0, 0.0,
     '{12:00, 14:30, 17:45, 20:15, 22:45}', '{10:00}', $room$
                 ssss.ssssssssss.ssss
               sssss.sssssssssss.sssss
               sssss.ssssssssssss.sssss
             ssssss.sssssssssssss.ssssss
             ssssss.ssssssssssssss.ssssss
           sssssss.sssssssssssssss.sssssss

           wcwcsss.ppppppppppppppp.ssscwcw
           sssssss.pppppppppppppppp.sssssss
         ssssssss.ppppppppppppppppp.ssssssss
         ssssssss.pppppppppppppppppp.ssssssss
         ssssssss.sssssssssssssssss.ssssssss
       sssssssss.ssssssssssssssssss.sssssssss
       sssssssss.sssssssssssssssss.sssssssss
         ll,ll,ll,.ll,ll,ll,ll,ll,ll,ll.,ll,ll,ll
     $room$),

    -- Two halves with a broad aisle between them, and the projection booth in the middle of the last row.
    ('halcyon-new-york', 'The Studio', 1.25, 1.5, 0.0, 0.0,
     '{13:15, 15:30, 18:15, 20:30, 23:00}', '{11:00}', $room$
         ssssss..ssssss
        sssssss..sssssss
        sssssss..sssssss
       ssssssss..ssssssss
       pppppppp..pppppppp
       pppppppp..pppppppp
       ssssssss..ssssssss
       ssssssss..ssssssss
       sssswcwc..cwcwssss
       ll,ll,ll....ll,ll,ll
     $room$),

    -- A warehouse: straight rows, and four iron columns that stand among the seats.
    ('halcyon-new-york', 'The Loft', 1.3, 0.0, 0.0, 0.0,
     '{12:00, 12:45, 14:00, 16:30, 18:30, 21:45}', '{}', $room$
        sssssss
       sssssssss
       ss.sss.ss
       sssssssss
       ppppppppp
       pp.ppp.pp
       wc.sss.cw
       ll,ll.ll,ll
     $room$)
  ) as room (theater, name, pitch, bow, flat, turn, daily, weekend, drawing);

  insert into public.auditoriums (theater_id, name)
  select theater.id, room.name
  from demo_rooms as room
  join public.theaters as theater on theater.slug = room.theater
  order by theater.id, room.name;

  create temporary table demo_auditoriums on commit drop as
  select auditorium.id, room.*
  from demo_rooms as room
  join public.theaters as theater on theater.slug = room.theater
  join public.auditoriums as auditorium on auditorium.theater_id = theater.id and auditorium.name = room.name;

  insert into public.seats (auditorium_id, row_label, number, x, y, kind)
  with rows as (
    select room.id, room.pitch, room.bow, room.flat, room.turn, line.place as line,
           -- Aisles across take their place but no letter.
           chr(64 + (count(*) filter (where line.row <> '') over (partition by room.id order by line.place))::integer)
             as label,
           btrim(line.row) as row
    from demo_auditoriums as room,
         string_to_table(btrim(room.drawing, e' \n'), e'\n') with ordinality as line (row, place)
  ),
  marks as (
    select rows.*, mark.letter, mark.place, steps.width,
           sum(steps.width) over (partition by rows.id, rows.line order by mark.place) - steps.width / 2
             - sum(steps.width) over (partition by rows.id, rows.line) / 2 as off_axis
    from rows,
         string_to_table(rows.row, null) with ordinality as mark (letter, place),
         lateral (select case mark.letter when ',' then 0.5 else 1.0 end) as steps (width)
  ),
  measured as (
    select marks.*, max(abs(off_axis) + width / 2) over (partition by id) as half from marks
  ),
  bent as (
    select measured.*,
           line * pitch - bow * (off_axis / half) ^ 2 - turn * greatest(0, abs(off_axis) - flat) as depth
    from measured
    where letter not in ('.', ',')
  )
  select id, label, row_number() over (partition by id, line order by place),
         half + off_axis,
         0.5 + depth - min(depth) over (partition by id),
         (case letter
            when 's' then 'standard' when 'p' then 'premium' when 'w' then 'wheelchair' when 'c' then 'companion'
            when 'l' then 'love'
          end)::public.seat_kind
  from bent
  order by id, line, place;

  -- Showtimes ---------------------------------------------------------------------------------------------------------

  -- Who plans next week looks at what has been shown least. A film comes with 15 minutes of trailers; the room is then
  -- cleaned for 15 minutes, a large one for 20. Times are reckoned on the theater's own clock and turned into instants
  -- last, so that a change to or from summer time moves no film away from its hour.
  create temporary table demo_runs on commit drop as
  select theater.id as theater_id, movie.id as movie_id, movie.slug, movie.length_minutes, movie.certificate,
         movie.genres, 0 as shows, '-infinity'::date as last_day
  from public.theaters as theater, demo_films as film
  join public.movies as movie on movie.slug = film.slug
  where theater.country = 'US' or film.authors is not null or (theater.country = 'GB' and film.british);

  for v_slot in
    select room.id as auditorium_id, theater.id as theater_id, theater.time_zone, day.date::date as day,
           day.date + start.time as starts,
           lead(day.date + start.time) over following as next_starts,
           -- Doors close for good at half past one.
           coalesce(lead(day.date + start.time) over following, day.date + interval '25 hours 30 minutes')
             - (day.date + start.time) as gap,
           case when (select count(*) from public.seats where auditorium_id = room.id) < 100
             then interval '15 minutes' else interval '20 minutes' end as cleaning
    from demo_auditoriums as room
    join public.theaters as theater on theater.slug = room.theater,
         lateral generate_series(0, 13) as ahead (days),
         lateral (select date_trunc('day', private.now() at time zone theater.time_zone)
                         + make_interval(days => ahead.days)) as day (date),
         lateral unnest(room.daily::time[] || case when extract(isodow from day.date) >= 6
                                              then room.weekend::time[] else '{}' end) as start (time)
    window following as (partition by room.id, day.date order by start.time)
    order by starts, auditorium_id
  loop
    -- Not twice on one day if it can be helped; then the film that has been shown least; then by lot, which is a hash.
    select run.* into strict v_film
    from demo_runs as run
    where run.theater_id = v_slot.theater_id
      and make_interval(mins => run.length_minutes + 15) + v_slot.cleaning <= v_slot.gap
      -- Shorts belong where nothing longer fits.
      and (run.length_minutes <= 45) = (v_slot.gap <= interval '90 minutes')
      -- No room stands empty for more than an hour and a quarter, but at the end of the day.
      and (v_slot.next_starts is null
           or make_interval(mins => run.length_minutes + 90) + v_slot.cleaning >= v_slot.gap)
      and (run.certificate <> '18' or v_slot.starts::time >= '18:00')
      and (run.certificate <> '15' or v_slot.starts::time >= '15:00')
      and ('family' <> all (run.genres) or v_slot.starts::time <= '19:00')
    order by run.last_day = v_slot.day, run.shows, md5(concat_ws(' ', run.slug, v_slot.auditorium_id, run.shows))
    limit 1;

    v_starts_at := v_slot.starts at time zone v_slot.time_zone;
    v_ends_at := v_starts_at + make_interval(mins => v_film.length_minutes + 15);
    insert into public.showtimes (movie_id, auditorium_id, starts_at, ends_at, available_from)
    values (v_film.movie_id, v_slot.auditorium_id, v_starts_at, v_ends_at, v_ends_at + v_slot.cleaning);

    update demo_runs set shows = shows + 1, last_day = v_slot.day
    where theater_id = v_slot.theater_id and movie_id = v_film.movie_id;
  end loop;

  -- Prices ------------------------------------------------------------------------------------------------------------

  -- In the minor unit of the theater's currency, in steps of 50. Evenings begin at five, weekends on Friday evening.
  -- A short costs half. Wheelchair and companion places cost less.
  insert into public.showtime_prices (showtime_id, kind, price)
  select showtime.id, sold.kind,
         50 * round((base.price + case when local.is_evening then 200 else 0 end
                                + case when local.is_weekend then 150 else 0 end)
                    * case when movie.length_minutes <= 45 then 0.5 else 1 end
                    * case sold.kind when 'premium' then 1.3 when 'love' then 1.4 when 'standard' then 1 else 0.8 end
                    / 50)
  from public.showtimes as showtime
  join public.movies as movie on movie.id = showtime.movie_id
  join public.auditoriums as auditorium on auditorium.id = showtime.auditorium_id
  join public.theaters as theater on theater.id = auditorium.theater_id
  join (values ('EUR', 1150), ('GBP', 1250), ('USD', 1500)) as base (currency, price)
    on base.currency = theater.currency
  join (select distinct auditorium_id, kind from public.seats) as sold on sold.auditorium_id = auditorium.id,
       lateral (select showtime.starts_at at time zone theater.time_zone) as wall (starts),
       lateral (select wall.starts::time >= '17:00',
                       extract(isodow from wall.starts) >= 6
                         or (extract(isodow from wall.starts) = 5 and wall.starts::time >= '17:00')
               ) as local (is_evening, is_weekend);
end
$seed$;
