# ruff: noqa: E501 (forms are read and edited a line each)
"""Everyday relations and the words they are told and asked in: the data of server.editor.relations.

An entry begins with its name and the kinds of value it is for; 'of person': its subject is one, 'as person':
its value is one whatever it looks like. `<` lines are forms of a statement, `=` lines are nouns of 'the NOUN
of S is V', 'S's NOUN is V' and both turned round, `>` lines are questions, `/` between them.

In forms: S the subject, V the value (V=a|b: one of these), X another phrase that questions keep, `a|b`
either, `a_b` two words, `a+` with or without s, `a?` may be absent. In questions also: S's its possessive,
IS, WAS, DO, HAS in the number of S, `open~` a verb that agrees with S, N what is counted ('rooms' of '14
rooms').
"""

from __future__ import annotations

TABLE = """
lead person,thing as person
< V lead+|led|head+|run+|manage+|direct+|oversees|supervises|is_in_charge_of|is_responsible_for|is_running|is_leading S
< S is led|run|headed|managed|directed|overseen|supervised by V
= head|boss|manager|leader|lead|chief|director|supervisor
> Who leads S? / Who runs S? / Who is in charge of S? / Who is the head of S? / Who manages S?
> Who is responsible for S? / Who is the boss of S? / Who is the manager of S? / Who is S's leader?

look_after person
< V looks_after|takes_care_of|maintains|handles S
< S is maintained|handled|looked_after by V
= caretaker|maintainer|keeper|administrator|admin
> Who looks after S? / Who takes care of S? / Who maintains S? / Who is responsible for S?
> Who handles S? / Who is in charge of S?

reports_to person,thing as person
< S reports to V
< V is S's boss|manager|supervisor
< S's boss|manager|supervisor is V
> Who does S report to? / Who is S's boss? / Who is S's manager? / Who supervises S?
> Who is the supervisor of S? / Who manages S?

chair person
< V chairs S
< S is chaired by V
= chair|chairman|chairwoman|chairperson|president
> Who chairs S? / Who is the chair of S? / Who presides over S? / Who leads S? / Who is the head of S?
> Who runs S?

teach person
< V teaches|coaches|trains S
< S is taught|coached|trained by V
= teacher|coach|trainer|instructor
> Who teaches S? / Who is the teacher of S? / Who trains S? / Who instructs S? / Who coaches S?
> Who is the instructor of S?

price money
< S costs|cost|is_priced_at|sell_for|sells_for|goes_for|go_for V
< S will cost V
= price|cost|fee|charge|rate
> How much does S cost? / What is the price of S? / How much is S? / What do people pay for S?
> How expensive is S? / What is the cost of S? / How much is charged for S? / Tell me the price of S.
> How much money must be paid for S?

free_shipping thing as money
< S ship+|is_shipped|are_shipped for? V=free|free_of_charge
> What does the shipping of S cost? / How much is the shipping of S? / What is the price of shipping S?
> How much is charged for shipping S? / What must be paid for sending S?

free_of_charge thing as money
< S is|are|come+|run+ for? V=free|free_of_charge
> How much DO S cost? / What is the price of S? / How much must be paid for S?
> What do people pay for S? / How much is charged for S?

fee_by_time money
< the X fee|price|cost|charge|rate of|for|at S is V
< S's X fee|price|cost|charge|rate is V
> How much is the X fee for S? / What is the X price of S? / What is the X cost of S?
> How much is the X charge for S? / How much is the X rate of S? / What X amount is paid for S?

rent money
< S rents_for|is_rented_for|rent_for V
= rent
> How much is the rent of S? / What does it cost to rent S? / How much does S cost to rent?
> What is the price of renting S? / What rent is paid for S? / How much is charged for renting S?

salary money of person
< S earns|earn|makes|make|is_paid|gets_paid|get_paid V
= salary|pay|wage|income
> How much DO S earn? / What is S's salary? / How much IS S paid? / What is S's pay?
> How much money DO S make? / What amount DO S earn?

budget money,thing,measure
< S has|have a budget of V
< S may spend V
= budget
> What is the budget of S? / How much money does S have to spend? / How much may S spend?
> How big is the budget of S? / What amount is budgeted for S? / How much money is available for S?
> Tell me how much S is allowed to spend.

opens time
< S open+|opens_its_doors|is_open at|from|after V
< S open+ X at V
= opening_time|opening_hour
> When DO S open? / What time DO S open? / At what time DO S start? / From what time IS S open?
> What is the opening time of S? / When can people first visit S? / When DO S begin the day?
> Tell me when S open~ the doors.

begins time
< S start+|begin+|commence+|kick+_off at V
< S is scheduled|set for V
= start|beginning|start_time
> When DO S start? / When DO S begin? / What time DO S start? / At what time DO S get going?
> What is the starting time of S? / When IS S scheduled to begin? / Tell me when S kick~ off.

begins_on date,day
< S start+|begin+|commence+|opens|will_start|will_begin|kick+_off on|in|at? V
= start|beginning|start_date
> When DO S start? / When DO S begin? / On which day DO S start? / What is the starting date of S?
> On what date DO S begin? / When IS the beginning of S? / Tell me when S get~ going.

closes time
< S close+|shut+|closes_its_doors|is_open_until at|until? V
< S is open until V
= closing_time
> When DO S close? / What time DO S close? / At what time DO S shut? / Until when IS S open?
> What is the closing time of S? / Until what time IS S open? / Tell me when S close~ the doors.

ends time,date,day
< S end+|finish|finishes|will_end|is_over at|on|in V
= end|end_date
> When DO S end? / When DO S finish? / When IS S over? / When will S be over? / On which day DO S end?
> Until when DO S last? / Tell me when S come~ to an end.

closed_on day
< S is|are closed|shut on|every V
< S close+|stay+_closed on|every V
> When IS S closed? / On which day IS S closed? / On what day IS S shut?
> Which day of the week IS S shut? / On which day DO S stay closed? / When DO S close for the day?
> What day DO S shut?

deadline date,day,time,delay
< S is|are|must_be|has_to_be due|handed_in|submitted|paid|finished|ready by|on|at|within|in? V
= deadline|due_date|cutoff|cut-off
> When IS S due? / What is the deadline for S? / By when must S be ready? / When must S be handed in?
> When IS the last day for S? / When IS the due date of S? / Tell me the deadline of S.

expires date,year,day,delay,time
< S expire+|run+_out|lapses on|in|at|after|within V
< S is|are valid until|till|to|for V
< S remain+ valid until|for V
> When DO S expire? / Until when IS S valid? / When DO S run out? / When DO S lapse?
> What is the expiry date of S? / When DO S become invalid?

valid_for duration
< S is|are valid|good for V
< S last+ for? V
= validity
> How long IS S valid? / How long DO S last? / How long can S be used? / For how long IS S good?
> How much time DO S give?

located place,thing as place
< S is|are located|situated|found|based|placed in|at|on|near|behind|under|above|opposite|inside|beside|next_to|by|outside|below V
< S is|are in|at|on|near|behind|under|above|opposite|inside|beside|next_to|outside|below V
< S stand+|sit+|lie+|lies in|at|on|near|behind|under|above|opposite|inside|beside|next_to|outside|below V
< S can_be_found in|at|on|near|behind|under|above|opposite|inside|beside|next_to|outside|below V
= location|place
> Where IS S? / Where IS S located? / Where can S be found? / Where can people find S?
> Where DO S stand? / What is the location of S? / In which place IS S? / At which place IS S situated?
> Where should people look for S?

stored place,thing as place
< S is|are kept|stored|hidden|parked|left in|at|on|near|behind|under|above|inside|beside|next_to|below V
< S hang+ on|in|under|behind|above V
> Where IS S kept? / Where IS S stored? / Where can S be found? / Where can people find S?
> Where IS S put away? / What is the place of S? / Where should people look for S?

keeps place,thing as place
< S keep+|store+|stores|hides|put+|leaves X in|at|on|near|behind|under|above|inside|below V
> Where DO S keep X? / Where DO S store X? / In what place DO S have X? / In which place DO S put X?
> Where DO S leave X?

based place,thing as place
< S is|are|has_been headquartered|based in|at V
< S has|have its|their|a? headquarters|office|seat|offices in|at|on V
= headquarters|seat|home|head_office
> Where IS S based? / Where IS the headquarters of S? / In which city IS S based? / Where IS S located?
> In which town IS the main office of S? / Where DO S have the head office?
> What is the home city of S?

moved place,thing as place
< S moved|relocated|has_moved|is_moving|will_move|moves to|into V
> Where did S move? / Where IS S now? / Where did S relocate? / What is the new location of S?
> To which place did S move? / Where can S be found now? / Where DO S go?

lives place,thing as place
< S live+|reside+|resides|is_living|stays|lived in|at|on|near V
= home|home_town|hometown|address
> Where DO S live? / Where IS S's home? / In which town DO S live? / Where DO S reside?
> In which city IS S at home? / What is S's place of residence? / Which place DO S call home?

from place,thing of person as place
< S come+|is|am|are from V
< S was|were born|raised in V
< S grew_up in V
= birthplace|hometown|home_town|home_country
> Where DO S come from? / Where IS S from? / What is S's home town? / In which place did S grow up?
> Which country DO S come from? / Which town DO S come from?

origin place,thing as place
< S come+|is|are|was|were imported? from V
< S is|are grown|imported|shipped from|in V
= origin|source
> Where DO S come from? / Where IS S from? / What is the origin of S? / Which place DO S come from?
> What is the source of S?

works_at place,thing as place of person
< S work+|is_employed|is_working|am_employed at|for|in|with V
= employer|workplace|company
> Where DO S work? / At which place IS S employed? / At what place DO S have a job?
> Where DO S earn a living? / What is the location of S's job? / What is S's place of work?
> Where IS S employed? / Where DO S go to work?

job thing of person
< S is|am employed|working as a|an V
< S work+ as a|an V
< S is|am a|an V
= job|profession|occupation|role
> What DO S do for a living? / What is S's job? / What is S's profession? / What DO S work as?
> Which occupation DO S have? / What line of work IS S in? / Which job DO S do?

founded year,date
< S was|were founded|established|set_up|started|created|opened|launched in|on V
< S opened|started|began|launched in|on V
< S has_existed|exists|has_been_around|has_been_open since V
< X founded|started|established|opened|created S in V
= founding_year|year_of_foundation
> When was S founded? / In which year was S founded? / When was S established? / When was S started?
> When did S begin? / In what year was S set up? / Since when has S existed?

built year,date
< S was|were built|constructed|erected|finished|completed in|on V
< X built|constructed|erected|painted S in V
= construction
> When WAS S built? / When WAS S constructed? / In which year WAS S finished?
> In what year WAS S put up? / What is the year of construction of S? / When WAS S completed?
> Since when DO S exist?

founder person,thing as person
< V founded|established|started|set_up|created S
< S was|were founded|established|started|set_up|created by V
= founder|creator
> Who founded S? / Who is the founder of S? / Who started S? / Who established S? / Who set up S?
> Who created S?

owner person,thing as person
< V own+|owns S
< S belong+ to V
< S is|are owned by V
= owner|proprietor|landlord
> Who owns S? / Who is the owner of S? / Who DO S belong to? / Whose property IS S? / Who has S?

author person
< V wrote|drafted|authored|has_written S
< S was|were written|drafted|authored by V
= author|writer
> Who wrote S? / Who is the author of S? / Who was S written by? / Who is the writer of S?
> Who drafted S? / Which person wrote S? / Who authored S?

artist person
< V painted|composed|directed|drew|filmed S
< S was|were painted|composed|directed|drawn|filmed by V
= painter|composer|artist|photographer
> Who created S? / Who made S? / Which person made S? / Who is the artist behind S?
> Who WAS S made by? / Who is the creator of S?

designer person,thing as person
< V designed|invented|developed|built|created S
< S was|were designed|invented|developed|created by V
= designer|inventor|architect|developer|builder|engineer
> Who designed S? / Who is the designer of S? / Who created S? / Who came up with S? / Who is behind S?
> Which person made S?

discoverer person
< V discovered|found S
< S was|were discovered|found by V
= discoverer
> Who discovered S? / Who found S? / Who is the discoverer of S? / Who came across S?
> Who first saw S?

maker person,thing as person
< S is|are|was|were made|built|produced|manufactured by V
< V makes|produces|manufactures|builds S
= manufacturer|maker|producer
> Who makes S? / Who produces S? / Who is the maker of S? / Who is the manufacturer of S?
> Who manufactures S? / Who IS S made by?

supplier person,thing as person
< S is|are|was|were supplied|provided|delivered by V
< V supplies|provides|delivers S
= supplier|provider|vendor
> Who supplies S? / Who is the supplier of S? / Who provides S? / Who delivers S?
> Who is the vendor of S? / Who IS S supplied by?

made_of thing
< S is|are made|built|constructed|woven out? of|from V
< S consist+ of V
= material
> What IS S made of? / Which material IS S made from? / What is the material of S?
> What DO S consist of? / Out of what IS S built? / What stuff IS S made from?

takes duration
< S take+|took|last+|lasted|run+|goes_on|will_take|will_last for? V
= duration|length|running_time
> How long DO S take? / How long DO S last? / What is the duration of S? / How much time DO S take?
> What is the length of S? / How much time IS needed for S? / For how long DO S run?
> How long should people plan for S?

warranty duration
< S has|have|come+_with a|an? X of V
< S come+_with|has a|an V X
> How long is the X of S? / What is the length of the X of S? / For how long DO S have the X?
> What is the duration of the X of S? / How much time does the X of S cover?

age duration,count
< S is|are|am V old
= age
> How old IS S? / What is S's age? / What is the age of S? / Tell me how old S IS.
> Tell me the age of S. / How many years old IS S?

capacity count
< S hold+|fits|fit|seat+|accommodate+|has_room_for|have_room_for|can_hold|can_seat|can_fit|has_space_for|sleeps|takes up_to? V
= capacity
> How many N DO S hold? / How many N fit in S? / How many N can S take?
> What number of N is there room for in S? / How many N IS there space for in S?
> How many N can S seat? / How many N can S accommodate?

has_many count
< S has|have|own+|contains|contain|employs|counts|consists_of|includes|comprises V
< S is|are V strong
> How many N DO S have? / How many N are there in S? / What is the number of N in S?
> How many N belong to S? / How many N DO S count? / How many N can be found in S?

needs count
< S need+|require+|use+|consume+ V
> How many N DO S need? / How many N DO S require? / How many N DO S use?
> How many N are necessary for S? / What is the number of N that S need~?

colour thing
< S is|are|was|were painted|coloured|colored V
< S come+ in V
= colour|color
> What colour IS S? / What is the colour of S? / In which colour IS S painted?
> Which colour DO S have? / What color IS S? / What is the paint colour of S?

called thing,person,place
< S is|are|was|were called|named V
< S go+ by the name of? V
< S bear+ the name V
= name|nickname
> What IS S called? / What is the name of S? / What IS S named? / What is S's name?
> Which name DO S have? / Under what name is S known? / Tell me the name of S.

pet_called thing,person
< S has|have a|an X called|named V
> What is the name of S's X? / What is S's X called? / Which name has S given the X?
> What IS the X of S named? / Tell me the name of the X that S HAS.

speaks thing
< S speak+|talks|is_fluent_in|learns|is_learning V
= language|mother_tongue|native_language
> Which language DO S speak? / What language DO S speak? / Which language DO S use?
> What is S's language? / In which language can people talk with S? / Which tongue DO S speak?
> Which language IS S fluent in?

instrument thing
< S play+|is_playing the V
= instrument
> What DO S play? / Which instrument DO S play? / What is S's instrument?
> What instrument IS S good at? / What DO S make music with? / Which musical instrument DO S practise?

sport thing
< S play+ V
= sport|hobby
> What DO S play? / Which sport or game DO S play? / What is S's sport or game? / What DO S do for fun?
> What game IS S good at?

collects thing of person
< S collect+ V
< S's hobby is V
> What DO S collect? / What is S's hobby? / Which things DO S collect? / What DO S gather?
> What kind of collection DO S have?

uses_as thing
< S use+|employs|needs V as|for X
> What DO S use as X? / What serves S as X? / Which X DO S run on? / What is the X of S?
> What DO S need as X?

uses thing
< S use+|employs|relies_on|rely_on|run+_on|is_based_on|is_built_on|are_built_on V
> What DO S use? / What DO S run on? / What DO S rely on? / What IS S based on?
> Which software or tool DO S use? / What is used by S? / What DO S work with?

powered thing
< S is|are powered|driven|fuelled|fueled|heated|run by|with|on V
< S run+|work+ on|with V
> What powers S? / What IS S powered by? / What DO S run on? / Which energy DO S use? / What drives S?
> What DO S get power from?

written_in thing
< S is|are|was written|programmed|coded|implemented|developed in V
= programming_language
> In which language IS S written? / What language IS S written in?
> Which programming language DO S use? / What IS S coded in? / In what language IS S programmed?
> What is the programming language of S?

ships date,day
< S ship+|launch|launches|will_ship|will_launch|comes_out|is_released|will_be_released|goes_live|go_on_sale|goes_on_sale|will_go_on_sale|is_published|went_live|was_released on|in V
= release_date|launch_date|release|launch
> When DO S ship? / When IS S released? / When DO S come out? / When DO S launch?
> What is the release date of S? / On what date IS S available? / When DO S go on sale?
> When can people get S?

arrives date,day,time,delay
< S arrive+|come+|get+_here|land+|is_delivered|are_delivered|will_arrive on|at|in|within V
= arrival|delivery|delivery_date
> When DO S arrive? / When DO S come? / When IS S delivered? / When will S be here?
> What is the arrival time of S? / When can S be expected? / When DO S get here?

leaves time,date,day
< S leave+|depart+|set+_off|sail+|goes|departs at|on V
= departure|departure_time
> When DO S leave? / When DO S depart? / What time DO S leave? / What is the departure time of S?
> At what time DO S set off? / When DO S go?

in_numbered thing
< S is|are|stand+|sit+|meet+|work+|live+|lie+ located|held|kept|stored|parked? in|on|at X V
< S take+ place in|on|at X V
> In which X IS S? / Which X IS S in? / What X IS S in? / In which X can people find S?
> In which X IS S located? / What is the X of S?

departs_from thing,place
< S leave+|depart+|start+|goes|go from X V
> From which X DO S leave? / From which X DO S depart? / Which X DO S start from?
> At which X can people get on S? / What is the X of S?

departs_place place,thing as place
< S leave+|depart+|start+|set+_off from V
> Where DO S leave from? / From where DO S depart? / From which place DO S leave? / Where DO S start?
> Where DO S set off from?

happens date,day,time
< S is|are held|taking_place|scheduled|planned on|at|in|for|every V
< S take+ place on|at|in|every V
< S is|are|falls on|at|in V
< S happen+ on|at|in|every V
= date|time|day
> When IS S? / When DO S take place? / When IS S held? / When DO S happen? / What is the date of S?
> On which day IS S? / When IS S planned? / For when IS S scheduled?

venue place,thing as place
< S is|are held|hosted|celebrated in|at V
< S take+ place in|at|on V
= venue
> Where IS S held? / Where DO S take place? / What is the venue of S? / Where DO S happen?
> Where IS S hosted? / In which place IS S celebrated?

meets day,frequency,time,date
< S meet+|gather+|get+_together|come+_together on|at|every? V
> When DO S meet? / When DO S get together? / When DO S gather? / When IS the meeting of S?
> On which day DO S meet? / At what time DO S meet? / When DO S come together?

done_every frequency
< S is|are|get+ X every? V
> How often IS S X? / How frequently IS S X? / When IS S X? / How often DO S get X?
> How often must S be X?

runs_every frequency
< S run+|go+|goes|happen+|take+_place|appear+|come+ every? V
> How often DO S run? / How frequently DO S run? / When DO S run? / How often DO S go?
> How frequent IS S?

birthday date of person
< S was|were born on V
= birthday|birth_date|date_of_birth
> When is S's birthday? / On what date was S born? / When was S born?
> On which day DO S celebrate a birthday? / What is the date of birth of S? / What is S's birthday?

born_year year of person
< S was|were born in V
> When was S born? / In which year was S born? / What is the birth year of S?
> What is S's year of birth? / In what year did S come into the world?

married person,thing of person as person
< S is|am married to V
= husband|wife|spouse|partner
> Who is S married to? / Who is S's spouse? / Who is the spouse of S? / Who did S marry?
> Who is S's partner in marriage?

identifier thing,measure
= serial_number|part_number|model_number|article_number|item_number|id|identifier
> What is the identifying number of S? / What number identifies S? / Which identifier DO S have?
> What number is printed on S? / Under what number is S listed?
> What is the identification number of S?

port thing
< S listen+|listens|runs|run|is_reachable|is_served on port V
< S use+ port V
= port|port_number
> What port DO S use? / Which port DO S listen on? / On which port DO S run? / What is the port of S?
> What port number belongs to S? / Which port IS S reachable on?

phone thing
= phone_number|telephone_number|extension
< S can_be_reached|can_be_called|is_reached|is_reachable at|on|under extension|number? V
> What is the phone number of S? / Which number reaches S? / What number should people call for S?
> Under what number can S be reached? / How can S be reached by phone? / Which number belongs to S?

weighs measure,thing
< S weigh+|weighs about? V
= weight|mass
> How heavy IS S? / How much DO S weigh? / What is the weight of S? / What DO S weigh?
> What IS the mass of S? / Tell me how heavy S IS.

height measure
< S is|are V tall|high
= height
> How tall IS S? / How high IS S? / What is the height of S? / What height DO S have?
> What height DO S reach? / Tell me how tall S IS.

length measure
< S is|are V long
< S measures V
= length
> How long IS S? / What is the length of S? / What length DO S have? / Tell me the length of S.
> What DO S measure from end to end?

distance measure
< S is|are V from|to|away_from X
< the distance from|between S to|and X is V
> How far IS S from X? / What is the distance from S to X? / How far away from X IS S?
> What distance lies between S and X? / How long is the way from S to X in distance?

speed measure
< S flies|drive+|run+|go+|goes|travel+|move+|can_fly|can_go at? up_to? V
= speed|top_speed|maximum_speed
> How fast IS S? / What is the speed of S? / How fast can S go? / What speed DO S reach?
> What IS the pace of S? / How quickly can S move?

wears thing of person
< S wear+|is_wearing|wore|has_on a|an? V
> What DO S wear? / What DO S have on? / What IS S dressed in? / What clothing DO S wear?
> Which clothes DO S put on?

eats thing
< S eat+|eats|is_fed|are_fed|feeds_on|drink+ V
= food|diet
> What DO S eat? / What IS S fed? / What is the food of S? / What DO S feed on?
> What IS S given to eat?

favourite thing of person
< S love+|like+|likes|prefer+|enjoys V
= favourite|favorite
> What DO S like? / What DO S prefer? / What DO S love? / What DO S enjoy? / What is S's favourite?
> What IS S fond of?

drives thing of person
< S drive+|rides a|an? V
= car|vehicle|bike
> What DO S drive? / Which car DO S drive? / What car DO S have? / Which vehicle DO S own?
> What vehicle IS S's? / What kind of car DO S drive?

studies thing,place of person
< S study|studies|is_studying|studied|majored_in|majors_in at? V
= subject|field_of_study|major
> What DO S study? / Which subject DO S study? / What is S's subject? / What IS S learning?
> Which field DO S study? / What is S's field of study?

allergic thing of person
< S is|am|are allergic to V
= allergy
> What IS S allergic to? / Which allergy DO S have? / What is S's allergy?
> What should S avoid because of an allergy? / To what DO S have an allergy?

capital thing,place
= capital|capital_city
> What is the capital of S? / Which city is the capital of S? / What is S's capital city?
> Which city governs S? / What is the main city of S? / What town is the capital of S?

contact person
= contact|contact_person|representative
< V is|will_be the contact for S
> Who is the contact for S? / Who should people ask about S? / Who is the contact person for S?
> Who answers questions about S? / Who can be contacted about S? / Who should people talk to about S?

approves person
< V approves|signs|signs_off|authorises|authorizes S
< S is|are approved|signed|authorised|authorized by V
> Who approves S? / Who signs S? / Who has to approve S? / Who gives permission for S?
> Who authorises S? / Who signs off S?

limit money,measure
= limit|maximum|cap|upper_limit
> What is the limit of S? / How much is the maximum for S? / How much is the cap on S?
> What is the upper limit of S? / How much is allowed for S? / How much may S be at most?

temperature measure
= temperature
> What is the temperature of S? / How warm IS S? / How cold IS S? / What temperature DO S have?
> How hot IS S?

connects thing,place
< S goes|go|leads|runs|run|travels|flies|sails to V
= destination
> Where DO S go? / What is the destination of S? / Where DO S lead? / Which place DO S go to?
> To which place DO S run? / Where DO S travel?

win person,thing as person
< V won|has_won S
< S was|were won by V
= winner|champion
> Who won S? / Who is the winner of S? / Who came first in S? / Who got the prize in S?
> Which person won S? / Who was the champion of S?
"""
