import pytest
import torch

from server.learner.users import NOBODY, UserClip


def pull(clip: UserClip, parameter: torch.nn.Parameter, gradients: dict[str, list[float]]) -> list[float]:
    """The gradient that the optimizer finds after each user has pulled."""
    for user in clip.groups(list(gradients), 0, True):
        parameter.grad = torch.tensor(gradients[user])
        clip.take(user)
    clip.give()
    assert parameter.grad is not None
    return [round(float(x), 4) for x in parameter.grad]


@pytest.fixture
def parameter() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.zeros(3))


def test_one_user_pulls_no_harder_than_the_median_user(parameter: torch.nn.Parameter) -> None:
    clip = UserClip([parameter], 1.0)
    pulled = pull(clip, parameter, {"ann": [1.0, 0, 0], "bob": [0, 1.0, 0], "eve": [0, 0, 48.0]})
    assert pulled == [1.0, 1.0, 1.0]


def test_of_two_users_the_louder_is_brought_down_to_the_quieter(parameter: torch.nn.Parameter) -> None:
    assert pull(UserClip([parameter], 1.0), parameter, {"ann": [1.0, 0, 0], "eve": [0, 9.0, 0]}) == [1, 1, 0]


def test_what_is_nobodys_is_not_clipped(parameter: torch.nn.Parameter) -> None:
    pulls = {NOBODY: [0.0, 0, 50.0], "ann": [1.0, 0, 0], "bob": [0, 1.0, 0]}
    assert pull(UserClip([parameter], 1.0), parameter, pulls) == [1.0, 1.0, 50.0]


def test_an_update_of_one_user_is_not_shared_and_costs_no_extra_pass(parameter: torch.nn.Parameter) -> None:
    assert UserClip([parameter], 1.0).groups(["ann", NOBODY, "ann"], 0, True) == [NOBODY]
    assert UserClip([parameter], 0.0).groups(["ann", "bob"], 0, True) == [NOBODY]


def test_between_measurements_all_go_in_one_pass_and_count_what_the_last_one_gave(
    parameter: torch.nn.Parameter,
) -> None:
    clip, users = UserClip([parameter], 1.0), ["ann", "eve", NOBODY]
    assert clip.groups(users, 0, True) == clip.groups(users, 1, True) == sorted(users)
    pull(clip, parameter, {"ann": [1.0, 0, 0], "eve": [0, 4.0, 0]})
    assert clip.groups(users, 1, True) == [NOBODY]
    assert (clip.scale("ann"), clip.scale("eve"), clip.scale(NOBODY)) == (1.0, 0.25, 1.0)
    assert clip.groups(users, 8, True) == clip.groups(users, 1, False) == sorted(users)
    assert clip.groups([*users, "new"], 1, True) == sorted([*users, "new"])
