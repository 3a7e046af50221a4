using System.Globalization;
using System.Net;

namespace Conclave.Samples.DoubleDialer.Dialing;

/// <summary>The instance's side of the telephony API. Where it acts for a leadership, the library's handler in its client adds the token.</summary>
internal sealed class TelephonyClient(HttpClient http)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>Calls a customer. Returns when the call is known to be made, now or before: without an answer it asks again, under the same key.</summary>
    /// <exception cref="LeadershipLostException">This instance no longer leads, and sent nothing.</exception>
    /// <exception cref="FormerLeaderException">This instance no longer leads, and the API knew.</exception>
    /// <exception cref="OperationCanceledException">Between two attempts.</exception>
    public async Task CallAsync(DateOnly day, int customer, CancellationToken stopping)
    {
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, string.Create(CultureInfo.InvariantCulture, $"calls/{customer}"));
            request.Headers.Add("Idempotency-Key", string.Create(CultureInfo.InvariantCulture, $"{day:yyyy-MM-dd}/{customer}"));
            request.Content = new Announcement(customer);
            try
            {
                // A call that was begun is not broken off: nobody would know whether the telephone rang. That is what the time before the next leader is for (StopMargin).
                using var response = await http.SendAsync(request, CancellationToken.None);
                if (response.StatusCode == HttpStatusCode.PreconditionFailed)
                    throw new FormerLeaderException(customer);
                response.EnsureSuccessStatusCode();
                return;
            }
            catch (Exception unknown) when (IsUnknown(unknown))
            {
                await Task.Delay(RetryInterval, stopping);
            }
        }
    }

    /// <summary>No answer came, or one that says nothing about the call. A 4xx would be the same the next time.</summary>
    private static bool IsUnknown(Exception failed) => failed switch
    {
        HttpRequestException { StatusCode: null or >= HttpStatusCode.InternalServerError } => true,
        OperationCanceledException => true, // the client's own timeout
        _ => false,
    };

    /// <summary>What is played to the customer. It is spoken as the request is sent, which takes its time: the API has the request's headers by then, and with them the token.</summary>
    private sealed class Announcement(int customer) : HttpContent
    {
        private readonly byte[] _text = System.Text.Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"Good morning, customer {customer}. Your invoice is due."));

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.FlushAsync();
            await Task.Delay(5 + (customer * 5 % 11));
            await stream.WriteAsync(_text);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _text.Length;
            return true;
        }
    }
}

/// <summary>The API has seen a newer leader: somebody else calls the customers by now.</summary>
internal sealed class FormerLeaderException(int customer)
    : Exception(string.Create(CultureInfo.InvariantCulture, $"The call of customer {customer} was refused: a newer leader has called since."));
