namespace Kaji.ApiServer.Webhooks;

/// <summary>A webhook that could not be asked. The message is what follows <c>failed to call webhook: </c>, in the words of Go's HTTP client.</summary>
public sealed class WebhookException(string message, bool timedOut = false, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether the time was up.</summary>
    public bool TimedOut { get; } = timedOut;
}
