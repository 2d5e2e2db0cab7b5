"""Names, things and questions from which neighbour questions are made. Data only."""

from __future__ import annotations


def split(text: str) -> tuple[str, ...]:
    """Words of a block of text."""
    return tuple(text.split())


def split_phrases(text: str) -> tuple[str, ...]:
    """Phrases between bars."""
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


def split_questions(text: str) -> tuple[tuple[str, str], ...]:
    """Lines of a question with a gap, a bar, and words."""
    lines = (line.split("|") for line in text.strip().splitlines())
    return tuple((question.strip(), marks.strip()) for question, marks in lines)


PLACES = split(
    """
    Madrid Vienna Lima Cairo Dublin Seoul Porto Lyon Bergen Quito Lisbon Oslo Prague Denver Kyoto
    Hamburg Leeds Turin Malmo Tampa Ghent Basel Osaka Perth Austin Cork Utrecht Krakow Riga Bristol
    Salem Toledo
    """
)
FIRST_NAMES = split(
    """
    Anna Peter Maria Lukas Sofia Daniel Clara Victor Elena Oscar Nadia Simon Ingrid Hugo Petra Silas
    Marta Felix Greta Tobias Ida Ruben Alma Edgar Noor Yusuf Mei Ravi Jonas Livia Otto Selma Bruno Thea
    """
)
LAST_NAMES = split(
    """
    Keller Lindqvist Moreau Novak Rossi Halvorsen Brandt Okafor Tanaka Dupont Farrow Whitlock Merrow
    Vane Lomax Renn Castell Hurst Amsel Delgado Pryor Sandoval Ekberg Thorne Marsh Ostrow Kemp Ballard
    """
)
ONSETS = split(
    """
    b br c cr d dr f fl g gr h j k kl l m n p pr qu r s st t tr v w z th sh
    """
)
VOWELS = split(
    """
    a e i o u ea ai o e a
    """
)
CODAS = split(
    """
    n r l m rn nd x s th ck lm st sk v d t
    """
)
ENDINGS = ("", *split("a o en er is on ix um ell ard ia"))

KINDS = split(
    """
    router gateway switch server printer laptop device machine pump lamp drone camera app database project
    team office branch plant factory shop store hotel school festival contract report building warehouse club
    """
)
"""What a named thing may be: takes the place of the noun after a name."""

THINGS = split_phrases(
    """
    dog | car | garden | sister | brother | neighbour | phone | front door | boat | uncle | best friend
    | school | old house | teacher | trial period | lunch break | warranty | delivery time | budget |
    opening hours | notice period | parking space | newsletter | sales team | main supplier | landlord |
    accountant | guest portal | printer | meeting room | coffee machine | test server | summer party |
    annual report | dress code | holiday policy | bank | loyalty card | mailbox | archive | training
    plan | help desk | company car | kitchen | second office | mission statement | support line | mascot
    | flagship shop | web shop
    """
)
"""What somebody may own: takes the place of a noun in a question about `my …` or `our …`."""

OWNERS = split_phrases(
    """
    my neighbour's | my sister's | my boss's | their | his | her | your | the other team's | my friend's
    | the landlord's
    """
)

THING_QUESTIONS = split_questions(
    """
    How much does {} cost? | cost price pay paid euro dollar pound expensive worth
    What is the price of {}? | cost price pay paid euro dollar pound expensive worth
    Is {} expensive? | cost price pay paid euro dollar pound expensive cheap worth
    What colour is {}? | colour color painted red green blue black white yellow
    How old is {}? | old age born built founded since year date
    In what year was {} made? | year old age built founded made since date when
    Who owns {}? | own belong
    To whom does {} belong? | own belong
    Who designed {}? | design invent create make made build built write wrote written author by
    Who invented {}? | design invent create make made build built write wrote written author by
    Who is responsible for {}? | responsible charge run manage lead head boss maintain director
    Who leads {}? | responsible charge run manage lead head boss director
    Where is {}? | where place town city located room floor street address lives live stand hall
    In which city is {}? | where place town city located live address country
    Which country does {} come from? | where country from made place
    How big is {}? | big size tall long wide large
    How tall is {}? | tall high height size
    How much does {} weigh? | weigh weight heavy kilogram mass
    When was {} set up? | when date day month year start open built time found
    When does {} open? | when open hours time start date day month
    When does {} end? | when end close finish time date day month expire until deadline due
    What is the deadline of {}? | when end close finish time date day month expire until deadline due
    What time does {} start? | when open hours time start date day
    On which day is {}? | when day date time month week monday tuesday wednesday thursday friday
    What is the serial number of {}? | serial number code
    What is the phone number for {}? | phone number call
    What is the email address of {}? | email address mail
    What is the password of {}? | password code pin login
    What is the web address of {}? | web address site url
    How many people work with {}? | many people workers staff member
    How many people use {}? | many people users member
    How many rooms does {} have? | many room
    How many seats does {} have? | many seat capacity hold
    Which company made {}? | company firm made make built build supplier maker
    Who supplies {}? | company firm supplier supply maker made make
    What is {} made of? | made material wood metal
    What is {} used for? | used use for
    Who told you about {}? | told
    What is the nickname of {}? | name called nickname
    What is the code name of {}? | name called code
    What is the full name of {}? | name called
    How often is {} checked? | often check every
    How often is {} cleaned? | often clean every
    What is the budget of {}? | budget cost price money
    How much money does {} make? | money cost price euro dollar budget sale revenue
    Who is the contact for {}? | contact who person
    What language does {} use? | language
    Which software does {} run? | software run program system app
    Which version of {} do we have? | version
    How long is {}? | long length days hours duration weeks months minutes
    How long does {} take? | long take days hours duration minutes
    How far away is {}? | far away where distance
    How fast is {}? | fast speed
    How do I get to {}? | get where way address located
    How loud is {}? | loud noise
    Who repaired {}? | repair fix
    When was {} last changed? | change when date
    What is the temperature of {}? | temperature warm cold hot
    What is the power of {}? | power watt volt
    How is the weather at {}? | weather
    What do people eat at {}? | eat food
    What does {} smell like? | smell
    What is next to {}? | next near where
    Who lives near {}? | near live
    What is the rule for {}? | rule
    What is the best thing about {}? | best
    Why was {} chosen? | why chosen choose
    Is {} open on Sundays? | open when hours day sunday
    Can I borrow {}? | borrow
    How many copies of {} are there? | many copies
    What did {} look like before? | look before
    Who bought {}? | buy bought
    Who sold {}? | sell sold
    What animal is on {}? | animal mascot
    What is the slogan of {}? | slogan motto mission
    """
)
"""Questions about something, and the words that mean the fact may be about just this."""

PERSON_QUESTIONS = split_questions(
    """
    How old is {}? | old age born year birthday
    When was {} born? | old age born year birthday
    Where was {} born? | born where from
    Which country is {} from? | born where from country live
    Where does {} live? | live lives where home town city street house
    In which street does {} live? | live lives where home town city street house
    Where does {} work? | work where office company sit
    Which company does {} work for? | work company job employer
    What is {}'s phone number? | phone number call
    What is the job of {}? | job work runs leads manages head boss role teacher doctor director lead
    What does {} do for a living? | job work runs leads manages head boss role teacher doctor director
    Which team does {} lead? | lead head boss manage run team charge director
    Who is the boss of {}? | boss lead report manager
    Who does {} report to? | boss lead report manager
    Who is {} married to? | married wife husband partner
    Is {} married? | married wife husband partner
    What is the name of {}'s wife? | married wife husband partner name
    When is {}'s birthday? | birthday born when date
    What does {} like to eat? | eat food like
    What is {}'s favourite food? | eat food like favourite
    What is {}'s favourite colour? | colour color favourite
    Which languages does {} speak? | language speak
    Where did {} learn English? | language speak learn
    What car does {} drive? | car drive
    How tall is {}? | tall height
    How much does {} weigh? | weigh weight
    What did {} study? | study studied university degree
    Where did {} study? | study studied university school
    What is the email address of {}? | email address mail
    Does {} have children? | child children son daughter
    How many children does {} have? | child children son daughter many
    Does {} have a brother? | brother sister sibling
    What is the name of {}'s dog? | dog pet name cat
    Does {} have a pet? | dog pet cat
    What is the hobby of {}? | hobby play plays sport instrument like collect
    Which sport does {} do? | hobby play plays sport
    Which instrument does {} play? | hobby play plays instrument
    What music does {} like? | music like song instrument
    Which book is {} reading? | book read
    Where did {} work before? | work before job where
    When is {} on holiday? | holiday when vacation
    Where does {} go on holiday? | holiday vacation where
    How much does {} earn? | earn salary money pay
    What time does {} get up? | time when get
    When does {} come to the office? | when time office come day
    Which room does {} sit in? | room where sit office desk
    What is the room number of {}? | room where sit office desk number
    What is {}'s nickname? | nickname name called
    What is the surname of {}'s mother? | mother name
    Who taught {}? | teach taught teacher
    Who is {}'s best friend? | friend
    Who knows {}? | know
    What does {} wear? | wear clothes
    What colour is {}'s hair? | hair colour color
    Is {} left-handed? | hand
    Is {} ill today? | ill sick
    What is {} working on? | work project
    What did {} write? | write wrote author book
    What did {} say yesterday? | say said
    Which bus does {} take? | bus train take
    Where did {} park? | park car
    Can {} swim? | swim
    Does {} drink coffee? | drink coffee tea
    """
)
"""The same about a person."""

SAME_KIND = tuple(
    split_phrases(line)
    for line in """
    company | firm | business | businesses | organisation | supplier
    place | location
    number | figure | quantity
    people | persons | guests | visitors
    colour | color | shade
    price | cost | fee | charge
    town | city | village
    job | profession | occupation
    program | programme | software | app | tool
    day | weekday | day of the week
    temperature | degrees
    length | duration
    weight | mass
    time | hour
    plant | crop | plantlife
    material | stuff
    language | tongue
    person | man or woman
    food | dish | meal
    sum | amount
    """.strip().splitlines()
)
"""Words that ask for the same kind of value: who knows a fact by one should know it by the others."""
