namespace Kaji.Bots.Operator;

/// <summary>What is to be done about a bot whose figures are not as they should be, the mildest first.</summary>
public enum VerdictAction
{
    Alert,
    Restart,
    HaltBot,
    HaltAccount,
}

/// <summary>A bot is deaf, has sent no orders, or has crossed a guard.</summary>
/// <param name="Reason">For the condition, as <c>Deaf</c>, <c>Guard</c>, <c>NoOrders</c>.</param>
/// <param name="Epoch">The epoch that was judged.</param>
public sealed record Verdict(VerdictAction Action, string Reason, string Message, long Epoch);
