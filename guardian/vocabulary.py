"""Word lists, as data: the English that the checks know by heart."""
# ruff: noqa: E501, SIM905 (lists of words are read and edited as running text)

from __future__ import annotations

STOPWORDS = frozenset(
    """a about above after again all also although am an and any are aren't as at be because been before being
    below between both but by can can't could couldn't did didn't do does doesn't doing don't down during each
    few for from further had hadn't has hasn't have haven't having he her here hers herself him himself his how
    i i'd i'll i'm i've if in into is isn't it it's its itself just let like may me might mine more most must my
    myself no nor not now of off on once one only onto or other our ours ourselves out over own please quite
    rather really same shall she should so some still such than that that's the their theirs them themselves
    then there there's these they this those through to too under until up upon upto us very via was wasn't we
    well were weren't what what's when where where's which while who who's whom whose why will with within
    without won't would yes yet you your yours yourself""".split()
)
"""Words without a content of their own."""
REMARKS = frozenset(
    """all also although any because both but down each few further herself himself how i i'd i'll i'm i've
    itself just like me mine more most my myself now one only other our ours ourselves own please quite
    rather really same so some still such theirs themselves too upto very via we well what's where's
    who's why yes yet yours yourself""".split()
)
"""Function words that say more than grammar does: who speaks, how sure they are, how much of it is meant."""
NEGATORS = frozenset(
    """no not never none nobody nothing neither nor nowhere cannot can't don't doesn't didn't isn't aren't wasn't
    weren't won't wouldn't shouldn't couldn't hasn't haven't hadn't without ain't mustn't""".split()
)
NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty""".split()
    )
    if word != "one"  # mostly a pronoun: "the one in Arden"
} | {
    word: str(10 * value)
    for value, word in enumerate("thirty forty fifty sixty seventy eighty ninety".split(), start=3)
}
IRREGULAR = dict(
    pair.split(":")
    for pair in """led:lead sold:sell held:hold built:build made:make bought:buy won:win wrote:write written:write
    ran:run began:begin begun:begin kept:keep left:leave met:meet paid:pay sat:sit stood:stand told:tell
    taught:teach thought:think took:take taken:take came:come gave:give given:give grew:grow grown:grow
    knew:know known:know drew:draw drawn:draw drove:drive driven:drive spoke:speak spoken:speak chose:choose
    chosen:choose became:become lay:lie lain:lie rose:rise risen:rise sang:sing sung:sing swam:swim went:go
    gone:go goes:go found:find men:man women:woman children:child people:person feet:foot mice:mouse
    cost:cost costs:cost""".split()
)
VALUE_KINDS = tuple(
    tuple(line.split())
    for line in """red blue green yellow black white brown orange purple pink grey gray silver gold teal violet beige cyan magenta turquoise crimson
    monday tuesday wednesday thursday friday saturday sunday weekday weekdays weekend weekends
    january february march april may june july august september october november december
    second seconds minute minutes hour hours day days week weeks month months year years decade decades century centuries
    millimetre millimetres centimetre centimetres metre metres meter meters kilometre kilometres kilometer kilometers mile miles inch inches foot feet yard yards mm cm km
    gram grams kilogram kilograms kilo kilos tonne tonnes ton tons pound pounds ounce ounces mg kg
    byte bytes kilobyte kilobytes megabyte megabytes gigabyte gigabytes terabyte terabytes kb mb gb tb
    euro euros dollar dollars pounds yen franc francs crown crowns rupee rupees
    hundred thousand million billion trillion percent dozen
    am pm noon midnight
    morning afternoon evening night
    spring summer autumn fall winter
    north south east west northern southern eastern western
    left right
    first second third fourth fifth sixth seventh eighth ninth tenth last
    iron steel copper brass bronze aluminium aluminum zinc tin lead silver gold platinum titanium
    mother father sister brother son daughter wife husband aunt uncle grandmother grandfather niece nephew
    always never sometimes rarely
    daily weekly monthly yearly hourly quarterly annually
    red amber""".splitlines()
)
"""Closed classes of which a claim must not name another member than its source."""
ANTONYMS = tuple(
    tuple(pair.split(":"))
    for pair in """open:close opens:shuts allowed:forbidden allow:prohibit permitted:prohibited before:after above:below up:down increase:decrease hot:cold cold:warm free:paid
    more:less most:least maximum:minimum max:min import:export enabled:disabled enable:disable on:off inside:outside indoor:outdoor public:private safe:dangerous
    true:false begin:end start:end starts:stops win:lose won:lost older:younger bigger:smaller larger:smaller higher:lower faster:slower early:late earlier:later
    upstairs:downstairs top:bottom front:back new:old long:short tall:short heavy:light hard:soft wet:dry full:empty rich:poor strong:weak cheap:expensive easy:difficult
    arrival:departure arrives:departs entrance:exit buy:sell lend:borrow accept:reject accepted:refused legal:illegal alive:dead guilty:innocent optional:mandatory optional:required
    possible:impossible male:female vegetarian:meat include:exclude included:excluded with:without add:remove pass:fail push:pull upper:lower ascending:descending visible:hidden
    active:inactive married:single single:double manual:automatic digital:analogue wired:wireless clockwise:anticlockwise horizontal:vertical major:minor approved:rejected""".split()
)
ASKING = frozenset(
    word
    for word in """tell know give name explain describe say mention list remind find out anything something someone somebody person people thing things
    time date day year month hour long old big large tall high deep wide heavy far fast much many number amount size age height length width weight
    price cost kind type sort way place location located live color colour way reason called named happen happens happened current currently exactly
    question answer information info details fact please help visit see get go use used uses make made have has work works worked part role title
    job position responsible belong belongs owner owned own run runs running manage charge head lead leads boss become became start end begin
    started founded born built opening closing hours open close available take takes last need needed needs contain contains consist ask reach
    contact stand stands mean means value name frequency often language country city town building floor room street material temperature
    speed capacity distance duration does animal plant food dish drink city river company team club language brand model version method group department species dish paper sizes format address side """.split()
)
"""Words that a question may bring along: they ask and do not claim."""
DESCRIBES = frozenset(
    """a an the not no in on at by of for with without to from under over inside behind after before every each only
    also still always never usually often very too so quite rather more most less and or but if when where which
    that this it its they you he she we i be been being was were has have had will would can could should must may
    required needed mandatory optional wrong right correct incorrect weak strong case sensitive case-sensitive
    encrypted hashed salted secret private public confidential expired invalid valid missing empty unknown changed
    reset stored printed written kept shared known sent given rotated generated checked verified different same
    unique long short longer shorter longest new old easy hard simple complex secure insecure safe unsafe random
    fine ok okay ready unavailable available lost forgotten stolen compromised leaked broken blank default
    protected managed handled entered typed asked used set updated bad good great important two-factor
    temporary permanent personal alphanumeric numeric up down out off there here yours mine his hers theirs
    eight ten twelve sixteen four six characters digits letters words case hidden visible displayed accepted
    rejected saved deleted blocked locked disabled enabled about between at least visible whatever something
    anything nothing what who how why none""".split()
)
"""Words that follow 'the password is' without being one."""
