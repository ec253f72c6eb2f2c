from common_utils.helpers import display_name


def test_a_name_says_what_it_is_and_which():
    assert display_name('User', 7) == 'User 7'
