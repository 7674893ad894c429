using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Bots.Tests;

/// <summary>A bot is brought to rest, whatever its hooks answer. Hooks are commands here, answered by the test.</summary>
public sealed class StopOrderTests
{
    [Fact]
    public async Task QuestionThatTheDeadlineCutsShort_DoesNotHideTheAnswerBefore()
    {
        var answers = new Queue<string>(["3", "3"]);
        var result = await StopAsync(orders: BotStop.Cancel, deadlineSeconds: 1, async (command, cancel) =>
        {
            if (command == "tell" || answers.TryDequeue(out _))
            {
                return (0, "3");
            }

            await new TaskCompletionSource().Task.WaitAsync(cancel);
            return (0, "");
        });

        Assert.Equal((StopResult.Unclean, "3 orders are still open", 3), (result.Outcome, result.Fault, result.OpenOrders));
    }

    [Theory]
    [InlineData(BotStop.Cancel, "0", true)]
    [InlineData(BotStop.Keep, "7", true)]
    [InlineData(BotStop.Cancel, "7", false)]
    [InlineData(BotStop.Cancel, "{\"openOrders\":0}", true)]
    [InlineData(BotStop.Cancel, "nothing to see here", false)]
    [InlineData(BotStop.Cancel, "[]", false)]
    public async Task Answer_DecidesWithThePolicy_WhetherTheStopIsClean(string orders, string answer, bool clean)
    {
        var result = await StopAsync(orders, deadlineSeconds: 1, (command, _) => Task.FromResult((0, command == "tell" ? "" : answer)));

        Assert.Equal(clean ? StopResult.Clean : StopResult.Unclean, result.Outcome);
        Assert.Equal(clean, result.ActedUntil is not null);
    }

    [Fact]
    public async Task HaltThatFlattens_DuringAStop_ClosesThePositionsToo()
    {
        using var hooks = new HookCaller();
        var (told, first) = (0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        var order = Order(hooks, BotStop.Cancel, deadlineSeconds: 10, async (command, _) =>
        {
            if (command == "tell" && ++told == 1)
            {
                await first.Task;
            }

            return (0, command == "tell" ? "" : "0");
        });
        var done = new TaskCompletionSource<StopResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        order.Begin("it is deleted", flatten: false, TimeSpan.FromMinutes(1), _ => { });
        order.Begin("a halt", flatten: true, TimeSpan.FromMinutes(1), done.SetResult);
        Assert.True(order.Running);
        first.SetResult();

        Assert.Equal((StopResult.Clean, 2), ((await done.Task).Outcome, told));
    }

    private static async Task<StopResult> StopAsync(string orders, int deadlineSeconds, Func<string, CancellationToken, Task<(int, string)>> answer)
    {
        using var hooks = new HookCaller();
        var done = new TaskCompletionSource<StopResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        Order(hooks, orders, deadlineSeconds, answer).Begin("a test", flatten: false, TimeSpan.FromMinutes(1), done.SetResult);
        return await done.Task;
    }

    private static StopOrder Order(HookCaller hooks, string orders, int deadlineSeconds, Func<string, CancellationToken, Task<(int, string)>> answer)
    {
        var plan = new WardenPlan
        {
            Bot = "bot", Epoch = 4,
            Stop = new BotStop { Orders = orders, DeadlineSeconds = deadlineSeconds, Tell = new Hook { Exec = new ExecHook { Command = ["tell"] } }, Verify = new Hook { Exec = new ExecHook { Command = ["verify"] } } },
        };
        return new StopOrder(plan, "ns", new Holder((command, _, cancel) => answer(command, cancel)), new WardenServices(null!, new HaltBook(), hooks, () => TimeSpan.Zero, TimeProvider.System, NullLogger.Instance));
    }

    internal sealed class Holder(Func<string, TimeSpan, CancellationToken, Task<(int, string)>> answer, string? address = null) : IHolder
    {
        public string? Address => address;

        public void Open()
        {
        }

        public Task KillAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task<bool> TerminateAsync(TimeSpan grace, CancellationToken cancellationToken) => Task.FromResult(true);

        public Task<(int ExitCode, string Output)> ExecAsync(IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken) => answer(command[0], timeout, cancellationToken)!;

        public string? PathOf(string path) => null;
    }
}
