using System.Globalization;

namespace Kaji.Bots.Operator;

/// <summary>
/// Whether a bot is deaf: its newest data is older than the reference's newest by more than the limit. In a quiet market both grow old together, and nothing is wrong.
/// </summary>
public static class FreshnessRule
{
    /// <param name="age">Seconds since the newest data that the bot has acted on; null when it never said.</param>
    /// <param name="reference">The same of whoever is known to hear; null when there is nobody.</param>
    /// <param name="acting">How long it has been acting: a bot that has just begun may not have heard anything yet.</param>
    /// <returns>Deaf, or not, or null when it can't be told; and why.</returns>
    public static (bool? Deaf, string Why) Judge(double? age, double? reference, double limit, TimeSpan acting)
    {
        var own = age ?? acting.TotalSeconds;
        if (reference is not { } heard)
        {
            return (null, "there is nothing to compare with: no other bot on its markets reports, and no probe has answered twice yet");
        }

        var behind = Math.Min(own, acting.TotalSeconds) - heard;
        return behind > limit
            ? (true, string.Create(CultureInfo.InvariantCulture, $"its newest data is {own:0.0} s old, while others have data of {heard:0.0} s ago (limit {limit:0.#} s)"))
            : (false, string.Create(CultureInfo.InvariantCulture, $"its newest data is {own:0.0} s old, the reference's {heard:0.0} s"));
    }
}
