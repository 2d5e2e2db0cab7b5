"""Forms with a verb of their own, one block each; `seedling_forms` says how a block is read.

The first line is "subject: attribute = kind of value". The first statement is also the answer.
"""

VERBS = """\
person: home = town
{s} [live|lives] in {v}.
{P} home is in {v}.
{v} is where {s} [live|lives].
{s} [have|has] a home in {v}.
Where [do|does] {s} live?
Which town [do|does] {s} live in?
In which town [do|does] {s} live?
What town [do|does] {s} live in?
clause: where {s} [live|lives]
clause: which town {s} [live|lives] in

person: employer = name
{s} [work|works] for {v}.
{v} is where {s} [work|works].
{P} employer is {v}.
{s} [have|has] a job at {v}.
Who [do|does] {s} work for?
Where [do|does] {s} work?
Which company [do|does] {s} work for?
What company [do|does] {s} work for?
clause: who {s} [work|works] for
clause: where {s} [work|works]

person: job = job
{s} [work|works] as a {v}.
{P} job is {v}.
{s} [earn|earns] money as a {v}.
The job that {s} [have|has] is {v}.
What [do|does] {s} do?
What is {P} job?
What [do|does] {s} work as?
Which job [do|does] {s} have?
How [do|does] {s} earn money?
clause: what {s} [do|does]
clause: what {P} job is

person: language = tongue
{s} [speak|speaks] {v}.
{v} is the language that {s} [speak|speaks].
The language that {s} [speak|speaks] is {v}.
{P} language is {v}.
Which language [do|does] {s} speak?
What language [do|does] {s} speak?
What [do|does] {s} speak?
clause: which language {s} [speak|speaks]
clause: what {s} [speak|speaks]

person: instrument = instrument
{s} [play|plays] the {v}.
{P} instrument is the {v}.
The instrument that {s} [play|plays] is the {v}.
The {v} is what {s} [play|plays].
Which instrument [do|does] {s} play?
What instrument [do|does] {s} play?
What [do|does] {s} play?
clause: which instrument {s} [play|plays]
clause: what {s} [play|plays]

person: allergy = food
{s} cannot eat {v}.
{v} is what {s} cannot eat.
The food that {s} cannot eat is {v}.
What can {s} not eat?
Which food can {s} not eat?
What is it that {s} cannot eat?
clause: what {s} cannot eat
clause: which food {s} cannot eat

thing: cost = price
{s} costs {v}.
The cost of {o} is {v}.
You pay {v} for {o}.
{v} is the price of {o}.
{v} is what {s} costs.
How much does {s} cost?
What does {s} cost?
How much is {s}?
What is the price of {s}?
How much do I pay for {s}?
Which price does {s} have?
clause: how much {s} costs
clause: what {s} costs

thing: mass = weight
{s} weighs {v}.
The weight of {o} is {v}.
{v} is the weight of {o}.
{v} is what {s} weighs.
How much does {s} weigh?
What does {s} weigh?
How heavy is {s}?
What is the weight of {s}?
Which weight does {s} have?
clause: how much {s} weighs
clause: how heavy {s} is

thing: place = town
{s} is in {v}.
{s} is located in {v}.
You can find {s} in {v}.
{v} is where {s} is.
{s} can be found in {v}.
Where is {s}?
Where can I find {s}?
Which town is {s} in?
In which town is {s}?
What town is {s} in?
clause: where {s} is
clause: which town {s} is in

thing: running port = number
{s} runs on port {v}.
{s} uses port {v}.
The port of {o} is {v}.
You can reach {o} on port {v}.
Port {v} is used by {o}.
Which port does {s} run on?
What port does {s} run on?
On which port does {s} run?
What port does {s} use?
Which port does {s} use?
clause: which port {s} runs on
clause: what port {s} uses

belonging: place = spot
{s} is in {v}.
{s} is kept in {v}.
You can find {s} in {v}.
{v} is where {s} is.
We keep {s} in {v}.
Where is {s}?
Where can I find {s}?
What is {s} kept in?
Where do we keep {s}?
Which place is {s} kept in?
clause: where {s} is
clause: where I can find {s}

trip: travel time = span
{s} takes {v}.
{v} is how long {s} takes.
It takes {v} with {o}.
The travel time of {o} is {v}.
How long does {s} take?
How much time does {s} take?
What is the travel time of {s}?
Which travel time does {s} have?
clause: how long {s} takes
clause: how much time {s} takes
"""
