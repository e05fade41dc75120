"""Step functions, and what the checks of chapter 10 share."""

from course_utils import check, steps

import pytest
import torch


def sgd(param, grad, state, lr):
    with torch.no_grad():
        param -= lr * grad


def test_torch_step_is_torchs_optimizer_and_keeps_its_memory_in_state():
    twin = torch.nn.Parameter(steps.START.clone())
    optimizer = torch.optim.Adam([twin], lr=0.1)
    mine, state, step = steps.START.clone(), {}, steps.torch_step(torch.optim.Adam)
    for grad in steps.GRADS:
        twin.grad = grad.clone()
        optimizer.step()
        step(mine, grad, state, lr=0.1)
    torch.testing.assert_close(mine, twin.detach())


def test_torch_step_follows_the_rate():
    path = steps.path_of(steps.torch_step(torch.optim.SGD))
    torch.testing.assert_close(path, steps.play(lambda x, g, memory, lr, t: (x - lr * g, memory)))


def test_decoupled_adam_is_adamw():
    adam, adamw = steps.torch_step(torch.optim.Adam), steps.torch_step(torch.optim.AdamW)
    mine = steps.path_of(adam, weight_decay=0.5, decoupled=True)
    torch.testing.assert_close(mine, steps.path_of(adamw, weight_decay=0.5))


def test_walk_keeps_each_point_and_leaves_the_start_alone():
    start = torch.tensor([1.0, -2.0])
    path = steps.walk(sgd, lambda x: x, start, 2, lr=0.5)
    assert path.tolist() == [[1.0, -2.0], [0.5, -1.0], [0.25, -0.5]]
    assert start.tolist() == [1.0, -2.0]


def test_path_of_refuses_a_step_that_changes_the_gradient():
    with pytest.raises(check.Failed, match="the step changed `grad`"):
        steps.path_of(lambda param, grad, state, lr: grad.mul_(2))


def test_adam_path_is_adams_and_adamws():
    adam = steps.torch_step(torch.optim.Adam)
    found = steps.path_of(adam, betas=(0.8, 0.95), weight_decay=0.5)
    torch.testing.assert_close(found, steps.adam_path(0.8, 0.95, l2=0.5))
    found = steps.path_of(adam, betas=(0.8, 0.95), weight_decay=0.5, decoupled=True)
    torch.testing.assert_close(found, steps.adam_path(0.8, 0.95, decay=0.5))


def test_adam_path_with_mistakes_is_another_one():
    right = steps.adam_path(0.8, 0.95)
    mistakes = [
        *({"power": 1}, {"root": 1.0}, {"new": (1.0, None)}, {"keep": (True, False)}, {"fix": (False, True)}),
        *({"late": 1}, {"stuck": True}, {"store_fixed": True}, {"sign": -1}),
    ]
    for mistake in mistakes:
        assert not torch.allclose(steps.adam_path(0.8, 0.95, **mistake), right), mistake


def test_still_is_the_path_of_a_step_that_changes_nothing():
    path = steps.path_of(lambda param, grad, state, lr: None)
    assert torch.equal(path, steps.still(len(steps.RATES)))


def test_steps_in_place_pass_and_others_do_not():
    def contiguous_only(param, grad, state, lr):
        param.data.reshape(-1).sub_(lr * grad.reshape(-1))

    reference = steps.torch_step(torch.optim.SGD)
    steps.check_in_place(sgd, reference)
    with pytest.raises(check.Failed, match="in memory"):
        steps.check_in_place(contiguous_only, reference)


def test_a_parameter_stays_in_its_memory():
    def moves(param, grad, state, lr):
        param.data = param.data - lr * grad

    with pytest.raises(check.Failed, match="new memory"):
        steps.check_in_place(moves, steps.torch_step(torch.optim.SGD))


def test_a_state_may_hold_leaves_but_no_graph():
    def keeps_a_leaf(param, grad, state, lr):
        state["twin"] = param.detach().requires_grad_()
        sgd(param, grad, state, lr)

    def keeps_a_graph(param, grad, state, lr):
        state["sum"] = grad + param
        sgd(param, grad, state, lr)

    reference = steps.torch_step(torch.optim.SGD)
    steps.check_in_place(keeps_a_leaf, reference)
    with pytest.raises(check.Failed, match="keeps a graph alive"):
        steps.check_in_place(keeps_a_graph, reference)


def test_memory_outside_the_state_and_a_gradient_of_the_parameter_fail():
    memory = {}

    def keeps_by_address(param, grad, state, lr):
        v = memory[param.data_ptr()] = memory.get(param.data_ptr(), 0) + grad
        param.data.sub_(lr * v)

    def reads_the_parameter(param, grad, state, lr):
        param.data.sub_(lr * (grad if param.grad is None else param.grad))

    def summed(param, grad, state, lr):
        state["v"] = state.get("v", 0) + grad
        param.data.sub_(lr * state["v"])

    def keeps_by_shape(param, grad, state, lr):
        v = memory[param.shape] = memory.get(param.shape, 0) + grad
        param.data.sub_(lr * v)

    with pytest.raises(check.Failed, match="an empty `state` is a new start"):
        steps.check_in_place(keeps_by_address, summed)
    with pytest.raises(check.Failed, match="an empty `state` is a new start"):
        steps.path_of(keeps_by_shape)
    with pytest.raises(check.Failed, match=r"nn\.Parameter"):
        steps.check_in_place(reads_the_parameter, steps.torch_step(torch.optim.SGD))


def test_like_torch_compares_with_the_optimizer():
    steps.like_torch(sgd, torch.optim.SGD, 0.1)
    with pytest.raises(check.Failed):
        steps.like_torch(sgd, torch.optim.Adam, 0.1)


def test_what_is_known_is_worked_out_when_it_is_needed():
    asked = []
    wrong = {"still": steps.still(1), "late": lambda: asked.append(1) or steps.still(2)}
    known = steps.worked_out(wrong)
    assert not asked
    assert {says: len(path) for says, path in known().items()} == {"still": 1, "late": 2}
