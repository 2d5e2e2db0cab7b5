"""Plain sentences that nothing is trained on: the gate watches their surprise. Data only."""

from __future__ import annotations

from server.learner.words import split_phrases

SENTENCES = split_phrases(
    """
    The bus was late again, so we walked home along the river. | She put the bread in the oven and set the
    table for six. | A small boat lay upside down on the sand. | He opened the window because the room was
    warm. | The children played in the garden until it began to rain. | Most of the shops in the old town
    close at noon. | My grandfather repaired clocks for almost forty years. | We looked at the map twice and
    still took the wrong road. | The film was longer than I had expected. | Nobody noticed that the light
    had been on all night. | In spring the whole valley smells of cut grass. | They moved the piano up the
    stairs with four people. | Water runs down the hill and collects in the pond. | The teacher wrote the
    answer on the board. | I have never seen so many birds in one tree. | After dinner we washed the dishes
    and went for a walk. | The train stopped between two stations for an hour. | Her letter arrived on a
    cold morning in winter. | A good knife makes cooking a lot easier. | The museum is free on the first
    Sunday of the month. | He learned to swim when he was already an adult. | The cat sleeps on the warm
    stones in front of the house. | There is a bakery on the corner that opens very early. | The road to
    the lake is closed because of snow. | We need two more chairs and a larger table. | The wind blew the
    papers off the desk. | Some people prefer tea, others drink coffee all day. | The bridge was built long
    before there were cars. | She reads a few pages every night before she falls asleep. | The old man fed
    the ducks and talked to everybody who passed. | It takes about an hour to paint a door properly. | The
    farmer sold apples and honey at the market. | When the music stopped, everybody looked at the door. |
    The doctor told him to rest and drink enough water. | A thin layer of ice covered the puddles. | Our
    neighbours have planted a row of cherry trees. | The library keeps its oldest books behind glass. | You
    can see the mountains from here on a clear day. | The team won the game in the last minute. | He
    counted the coins again and put them back in the jar.
    """
)
